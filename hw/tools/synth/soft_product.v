// A product of the array without a multiplier, in the carry cells of ECP5: a row of them for each
// bit of B adds A to half of the row before, or takes it away for the sign's bit. A cell passes its
// carry on where its LUT gives 1, and gives A's bit where it gives 0. The LUT: x ^ (a & b), or
// x ^ (~a & b) in the last row, with x at its input A, a at B and b at C. The last row's first cell
// makes the carry b.

(* techmap_celltype = "$mul" *)
module soft_product (A, B, Y);
  parameter A_SIGNED = 1;
  parameter B_SIGNED = 1;
  parameter A_WIDTH = 8;
  parameter B_WIDTH = 8;
  parameter Y_WIDTH = 16;
  input [7:0] A, B;
  output [15:0] Y;
  wire _TECHMAP_FAIL_ = !A_SIGNED || !B_SIGNED || A_WIDTH != 8 || B_WIDTH != 8 || Y_WIDTH != 16;

  wire [8:0] more = {A[7], A};
  wire [71:0] rows;
  assign rows[8:0] = more & {9{B[0]}};
  genvar j, i;
  generate
    for (j = 1; j < 8; j = j + 1) begin : step
      wire [8:0] half = {rows[9*j-1], rows[9*j-1:9*j-8]};
      wire [9:0] x = j == 7 ? {half, B[7]} : {1'b0, half};
      wire [9:0] a = j == 7 ? {more, 1'b0} : {1'b0, more};
      wire [9:0] sum;
      wire [5:0] carry;
      assign carry[0] = 1'b0;
      for (i = 0; i < 5; i = i + 1) begin : pair
        CCU2C #(
          .INIT0(j != 7 ? 16'h6A0A : i == 0 ? 16'h000A : 16'h9A0A),
          .INIT1(j != 7 ? 16'h6A0A : 16'h9A0A),
          .INJECT1_0("NO"), .INJECT1_1("NO")
        ) bits (
          .CIN(carry[i]), .COUT(carry[i+1]),
          .A0(x[2*i]), .B0(a[2*i]), .C0(B[j]), .D0(1'b1), .S0(sum[2*i]),
          .A1(x[2*i+1]), .B1(a[2*i+1]), .C1(B[j]), .D1(1'b1), .S1(sum[2*i+1])
        );
      end
      assign rows[9*j+8:9*j] = j == 7 ? sum[9:1] : sum[8:0];
      assign Y[j-1] = rows[9*j-9];
    end
  endgenerate
  assign Y[15:7] = rows[71:63];
endmodule
