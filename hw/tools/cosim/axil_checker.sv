// Protocol rules of the AXI4-Lite link between the host and the machine.
//
// Each breach writes "<cycle> violation axil <text>" to log_file and sets `violation` until the
// next reset begins.

module axil_checker #(
    parameter int ADDR_BITS = 12
) (
    input  logic                 clk,
    input  logic                 rst,
    input  int                   log_file,
    input  int                   cycle,

    input  logic [ADDR_BITS-1:0] s_axil_awaddr,
    input  logic                 s_axil_awvalid,
    input  logic                 s_axil_awready,
    input  logic [31:0]          s_axil_wdata,
    input  logic [3:0]           s_axil_wstrb,
    input  logic                 s_axil_wvalid,
    input  logic                 s_axil_wready,
    input  logic [1:0]           s_axil_bresp,
    input  logic                 s_axil_bvalid,
    input  logic                 s_axil_bready,
    input  logic [ADDR_BITS-1:0] s_axil_araddr,
    input  logic                 s_axil_arvalid,
    input  logic                 s_axil_arready,
    input  logic [31:0]          s_axil_rdata,
    input  logic [1:0]           s_axil_rresp,
    input  logic                 s_axil_rvalid,
    input  logic                 s_axil_rready,

    output logic                 violation
);
    localparam logic [1:0] EXOKAY = 2'd1;

    logic wrong_answer;
    logic wrong_aw, wrong_w, wrong_b, wrong_ar, wrong_r;
    assign violation = wrong_answer | wrong_aw | wrong_w | wrong_b | wrong_ar | wrong_r;

    axi_channel #(.NAME("axil aw"), .WIDTH(ADDR_BITS)) aw_i (
        .clk, .rst, .log_file, .cycle, .stay(1'b1), .valid(s_axil_awvalid), .ready(s_axil_awready),
        .payload(s_axil_awaddr), .violation(wrong_aw)
    );
    axi_channel #(.NAME("axil w"), .WIDTH(36)) w_i (
        .clk, .rst, .log_file, .cycle, .stay(1'b1), .valid(s_axil_wvalid), .ready(s_axil_wready),
        .payload({s_axil_wdata, s_axil_wstrb}), .violation(wrong_w)
    );
    axi_channel #(.NAME("axil b"), .WIDTH(2)) b_i (
        .clk, .rst, .log_file, .cycle, .stay(1'b1), .valid(s_axil_bvalid), .ready(s_axil_bready),
        .payload(s_axil_bresp), .violation(wrong_b)
    );
    axi_channel #(.NAME("axil ar"), .WIDTH(ADDR_BITS)) ar_i (
        .clk, .rst, .log_file, .cycle, .stay(1'b1), .valid(s_axil_arvalid), .ready(s_axil_arready),
        .payload(s_axil_araddr), .violation(wrong_ar)
    );
    axi_channel #(.NAME("axil r"), .WIDTH(34)) r_i (
        .clk, .rst, .log_file, .cycle, .stay(1'b1), .valid(s_axil_rvalid), .ready(s_axil_rready),
        .payload({s_axil_rdata, s_axil_rresp}), .violation(wrong_r)
    );

    // Handshakes of earlier cycles that lack their answer.
    int aw_owed, w_owed, ar_owed;

    import axi_report::report;
    task automatic breach(input string text);
        wrong_answer <= 1'b1;
        report(log_file, cycle, {"axil ", text});
    endtask

    always @(posedge clk) begin : answers
        if (rst) begin
            aw_owed = 0; w_owed = 0; ar_owed = 0;
            wrong_answer <= 1'b0;
        end else begin
            if (s_axil_bvalid) begin
                if (aw_owed == 0) breach("b without an address");
                if (w_owed == 0) breach("b without data");
                if (s_axil_bresp == EXOKAY) breach("bresp is EXOKAY");
                if (s_axil_bready) begin aw_owed = aw_owed - 1; w_owed = w_owed - 1; end
            end
            if (s_axil_rvalid) begin
                if (ar_owed == 0) breach("r without an address");
                if (s_axil_rresp == EXOKAY) breach("rresp is EXOKAY");
                if (s_axil_rready) ar_owed = ar_owed - 1;
            end
            if (s_axil_awvalid && s_axil_awready) aw_owed = aw_owed + 1;
            if (s_axil_wvalid && s_axil_wready) w_owed = w_owed + 1;
            if (s_axil_arvalid && s_axil_arready) ar_owed = ar_owed + 1;
        end
    end
endmodule
