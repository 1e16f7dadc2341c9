// Whether an accumulator's sum begins, in the carry cells of ECP5. A cell passes its carry on where
// its LUT gives 1, and gives A's or B's bit where it gives 0. Eight bits compare two numbers: equal
// bits pass the carry on, others give the greater one's, or of the signs the smaller one's. The
// ninth passes it on for a maximum, else it gives "first". The last shows the carry.

module sum_begins (input first, compare, input [7:0] value, acc, output begins);
  wire [5:0] carry;
  assign carry[0] = 1'b0;
  genvar i;
  generate
    for (i = 0; i < 4; i = i + 1) begin : pair
      CCU2C #(
        .INIT0(16'h900A), .INIT1(i == 3 ? 16'h900C : 16'h900A),
        .INJECT1_0("NO"), .INJECT1_1("NO")
      ) bits (
        .CIN(carry[i]), .COUT(carry[i+1]),
        .A0(value[2*i]), .B0(acc[2*i]), .C0(1'b1), .D0(1'b1),
        .A1(value[2*i+1]), .B1(acc[2*i+1]), .C1(1'b1), .D1(1'b1)
      );
    end
  endgenerate
  CCU2C #(
    .INIT0(16'h400A), .INIT1(16'h0000), .INJECT1_0("NO"), .INJECT1_1("NO")
  ) last (
    .CIN(carry[4]), .COUT(carry[5]),
    .A0(first), .B0(compare), .C0(1'b1), .D0(1'b1),
    .A1(1'b0), .B1(1'b0), .C1(1'b0), .D1(1'b0), .S1(begins)
  );
endmodule
