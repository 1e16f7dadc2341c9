// LUT memories of ECP5 with address bits that are 0 throughout: these bits become 1, which the read
// side's LUTs have without a wire. As zeros they are pins of one net across the chip, thousands of
// them.

module TRELLIS_DPR16X4 (
  input [3:0] RAD, input [3:0] WAD, input [3:0] DI, input WRE, input WCK, output [3:0] DO
);
  parameter WCKMUX = "WCK";
  parameter WREMUX = "WRE";
  parameter INITVAL = 64'h0;
  parameter [3:0] _TECHMAP_CONSTMSK_RAD_ = 0;
  parameter [3:0] _TECHMAP_CONSTVAL_RAD_ = 0;
  parameter [3:0] _TECHMAP_CONSTMSK_WAD_ = 0;
  parameter [3:0] _TECHMAP_CONSTVAL_WAD_ = 0;
  localparam [3:0] ZERO = _TECHMAP_CONSTMSK_RAD_ & ~_TECHMAP_CONSTVAL_RAD_
    & _TECHMAP_CONSTMSK_WAD_ & ~_TECHMAP_CONSTVAL_WAD_;
  wire _TECHMAP_FAIL_ = ZERO === 4'b0 || |INITVAL === 1'b1;
  wire [3:0] read, write;
  genvar i;
  generate
    for (i = 0; i < 4; i = i + 1) begin
      assign read[i] = ZERO[i] ? 1'bx : RAD[i];
      assign write[i] = ZERO[i] ? 1'b1 : WAD[i];
    end
  endgenerate
  TRELLIS_DPR16X4 #(.WCKMUX(WCKMUX), .WREMUX(WREMUX), .INITVAL(64'h0)) _TECHMAP_REPLACE_ (
    .RAD(read), .WAD(write), .DI(DI), .WRE(WRE), .WCK(WCK), .DO(DO)
  );
endmodule
