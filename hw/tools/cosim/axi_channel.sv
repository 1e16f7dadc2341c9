// Rules of one AXI channel: valid and its payload stay until the handshake, and valid is low from
// the second cycle of reset to the first cycle after it. Neither valid nor ready is unknown, nor is
// the payload while valid is high.
//
// Each breach is reported and sets `violation` until the next reset begins. Without `stay`, valid
// may fall and the payload may change.

package axi_report;
    // Write "<cycle> violation <text>" to log_file; the caller sets its `violation`.
    task automatic report(input int log_file, input int cycle, input string text);
        if (log_file != 0) $fdisplay(log_file, "%0d violation %s", cycle, text);
        else $display("AXI violation outside a run: %s", text);
    endtask
endpackage

module axi_channel #(
    parameter NAME = "",
    parameter int WIDTH = 1
) (
    input  logic             clk,
    input  logic             rst,
    input  int               log_file,
    input  int               cycle,

    input  logic             stay,
    input  logic             valid,
    input  logic             ready,
    input  logic [WIDTH-1:0] payload,

    output logic             violation
);
    logic in_reset = 1'b0;
    logic was_reset = 1'b0;
    logic stalled;
    logic [WIDTH-1:0] held;

    import axi_report::report;
    task automatic breach(input string text);
        violation <= 1'b1;
        report(log_file, cycle, {NAME, text});
    endtask

    // From the first reset on nothing is unknown that the other side looks at.
    wire unknown = valid === 1'bx || ready === 1'bx || (valid === 1'b1 && ^payload === 1'bx);

    always @(posedge clk) begin : rules
        in_reset <= rst;
        if (rst) was_reset <= 1'b1;
        stalled <= !rst && stay && valid && !ready;
        if (valid && stay) held <= payload;
        if (rst && !in_reset) violation <= 1'b0;
        else if (in_reset) begin
            if (valid !== 1'b0) breach("valid is not low in reset");
        end else if (was_reset && unknown) breach(" valid, ready or payload is unknown");
        else if (stalled) begin
            if (!valid) breach("valid fell before the handshake");
            else if (payload !== held) breach(" payload changed before the handshake");
        end
    end
endmodule
