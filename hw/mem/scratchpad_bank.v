/* A bank of the scratchpad: one read and one write a cycle; infers block RAM. */
module scratchpad_bank #(
    parameter WIDTH = 128,
    parameter DEPTH = 1024,
    parameter ADDR = 10
) (
    input clk,
    input [ADDR-1:0] read_addr,
    output reg [WIDTH-1:0] read_data,
    input write_en,
    input [ADDR-1:0] write_addr,
    input [WIDTH-1:0] write_data
);
  (* no_rw_check *)
  reg [WIDTH-1:0] words [0:DEPTH-1];
  always @(posedge clk) begin
`ifdef VERILATOR
    /* Wrong on purpose, so that a simulation shows a command that needs the word being written. */
    read_data <= write_en && write_addr == read_addr ? ~words[read_addr] : words[read_addr];
`else
    read_data <= words[read_addr];
`endif
    if (write_en) words[write_addr] <= write_data;
  end
endmodule
