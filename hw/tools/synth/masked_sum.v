// An accumulator's sum in the carry cells of ECP5: their LUTs also begin it, where Yosys would put a
// LUT for each bit before them. A cell passes its carry on where its LUT gives 1, and gives B's bit
// where it gives 0. The LUT: A ^ B, or B where the sum begins.

module masked_sum (input begins, input [31:0] acc, input [15:0] product, output [32:0] sum);
  wire [31:0] more = {{16{product[15]}}, product};
  wire [32:0] carry;
  assign carry[0] = 1'b0;
  genvar i;
  generate
    for (i = 0; i < 32; i = i + 2) begin : pair
      CCU2C #(.INIT0(16'hC60C), .INIT1(16'hC60C), .INJECT1_0("NO"), .INJECT1_1("NO")) bits (
        .CIN(carry[i]), .COUT(carry[i + 2]),
        .A0(acc[i]), .B0(more[i]), .C0(begins), .D0(1'b1), .S0(sum[i]),
        .A1(acc[i + 1]), .B1(more[i + 1]), .C1(begins), .D1(1'b1), .S1(sum[i + 1])
      );
    end
  endgenerate
  assign sum[32] = 1'bx;  // Nothing reads it.
endmodule
