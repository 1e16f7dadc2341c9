module \accelerator.core.mul (input clk, input signed [7:0] a, b, output reg signed [15:0] p);
  always @(posedge clk) p <= a * b;
endmodule
module \accelerator.core.mul_sum (input clk, input [15:0] p, input [9:0] addr, output reg [19:0] sum);
  reg [15:0] mem [0:1023]; reg [15:0] q;
  always @(posedge clk) begin mem[addr] <= p; q <= mem[addr]; sum <= sum + (q ^ p); end
endmodule
module \accelerator.core (input clk, input signed [7:0] a, b, input [9:0] addr, output [19:0] sum);
  wire [15:0] p;
  \accelerator.core.mul mul(.clk(clk), .a(a), .b(b), .p(p));
  \accelerator.core.mul_sum mul_sum(.clk(clk), .p(p), .addr(addr), .sum(sum));
endmodule
module accelerator(input clk, input rst, input [7:0] a, input [7:0] b, input [9:0] addr, output [19:0] sum, output reg busy);
  \accelerator.core core(.clk(clk), .a(a), .b(b), .addr(addr), .sum(sum));
  always @(posedge clk) busy <= !rst && !busy;
endmodule
