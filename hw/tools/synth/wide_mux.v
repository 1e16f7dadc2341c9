// Multiplexers of ECP5: two LUTs and a PFUMX choose one of four, two of these and an L6MUX21 one of
// eight. S, T and U are the bits of the choice, the lowest first.

module \$_MUX4_ (input A, B, C, D, S, T, output Y);
  wire low, high;
  LUT4 #(.INIT(16'hCACA)) lut0 (.A(A), .B(B), .C(S), .D(1'b0), .Z(low));
  LUT4 #(.INIT(16'hCACA)) lut1 (.A(C), .B(D), .C(S), .D(1'b0), .Z(high));
  PFUMX mux (.ALUT(high), .BLUT(low), .C0(T), .Z(Y));
endmodule

module \$_MUX8_ (input A, B, C, D, E, F, G, H, S, T, U, output Y);
  wire low, high;
  \$_MUX4_ mux0 (.A(A), .B(B), .C(C), .D(D), .S(S), .T(T), .Y(low));
  \$_MUX4_ mux1 (.A(E), .B(F), .C(G), .D(H), .S(S), .T(T), .Y(high));
  L6MUX21 mux (.D0(low), .D1(high), .SD(U), .Z(Y));
endmodule
