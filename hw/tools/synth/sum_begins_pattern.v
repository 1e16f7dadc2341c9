// Whether an accumulator's sum begins, as hw/core/mac_lane.py has it: what sum_begins.v takes the
// place of.

module sum_begins (input first, compare, input [7:0] value, acc, output begins);
  wire greater;
  assign greater = $signed(value) > $signed(acc);
  assign begins = first | (compare & greater);
endmodule
