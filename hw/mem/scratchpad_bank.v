/* A bank of the scratchpad: one read and one write a cycle; infers block RAM, whose output registers
   low_out and high_out can become; they take a word where read_en is up. More than MOST words
   are two memories, the lower one a power of two, so that of deep and narrow blocks less is to be
   chosen. The upper one is as large as whole blocks make it. */
module scratchpad_bank #(
    parameter WIDTH = 128,
    parameter DEPTH = 1024,
    parameter ADDR = 10
) (
    input clk,
    input [ADDR-1:0] read_addr,
    output [WIDTH-1:0] read_data,
    input read_en,
    input write_en,
    input [ADDR-1:0] write_addr,
    input [WIDTH-1:0] write_data
);
  localparam MOST = 8192;
  localparam LOW = DEPTH > MOST ? 1 << (ADDR - 1) : DEPTH;
  localparam HIGH = (DEPTH - LOW + 1023) / 1024 * 1024;
  localparam LOW_ADDR = DEPTH > MOST ? ADDR - 1 : ADDR;
`ifdef VERILATOR
  /* Wrong on purpose, so that a simulation shows a command that needs the word being written. */
  wire wrong = write_en && write_addr == read_addr;
`else
  wire wrong = 1'b0;
`endif
  (* no_rw_check *)
  reg [WIDTH-1:0] low [0:LOW-1];
  reg [WIDTH-1:0] low_data, low_out;
  wire write_low = write_en && write_addr < LOW;
  always @(posedge clk) begin
    low_data <= {WIDTH{wrong}} ^ low[read_addr[LOW_ADDR-1:0]];
    if (read_en) low_out <= low_data;
    if (write_low) low[write_addr[LOW_ADDR-1:0]] <= write_data;
  end
  generate
    if (DEPTH > MOST) begin : parts
      (* no_rw_check *)
      reg [WIDTH-1:0] high [0:HIGH-1];
      reg [WIDTH-1:0] high_data, high_out;
      reg is_high, out_is_high;
      always @(posedge clk) begin
        is_high <= read_addr[ADDR-1];
        if (read_en) out_is_high <= is_high;
        if (read_en) high_out <= high_data;
        high_data <= {WIDTH{wrong}} ^ high[read_addr[ADDR-2:0]];
        if (write_en && write_addr[ADDR-1]) high[write_addr[ADDR-2:0]] <= write_data;
      end
      assign read_data = out_is_high ? high_out : low_out;
    end else begin : whole
      assign read_data = low_out;
    end
  endgenerate
endmodule
