/* Verilog-2005: gives the machine the inputs of a recording and counts outputs that differ. */
module replay;
  reg clk = 0;
  reg [$inputs_high:0] inputs = $first;
  wire [$outputs_high:0] outputs;
  reg [$inputs_high:0] row_inputs;
  reg [$outputs_high:0] row_outputs, row_known;
  integer file, rows, wrong;

  $top dut(
      .clk(clk),
      $connections
  );

  initial begin
    rows = 0;
    wrong = 0;
    file = $$fopen("rows.txt", "r");
    while ($$fscanf(file, "%b %b %b\n", row_inputs, row_outputs, row_known) == 3) begin
      inputs = row_inputs;
      #1;
      if ((outputs & row_known) !== row_outputs) begin
        wrong = wrong + 1;
        if (wrong == 1) $$display("row %0d: %b, not %b", rows, outputs & row_known, row_outputs);
      end
      rows = rows + 1;
      clk = 1;
      #1 clk = 0;
    end
    $$display("%0d rows, %0d wrong", rows, wrong);
    $$finish;
  end
endmodule
