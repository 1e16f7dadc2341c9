// Protocol rules of the AXI4 link between the machine and its memory.
//
// Each breach writes "<cycle> violation <text>" to log_file and sets `violation` until the next
// reset begins. `quiet` is high while no burst is under way. `strict` adds the one rule that the
// memory model's shared bus breaks by design: rvalid stays until the handshake.

module axi_checker #(
    parameter int DATA_BYTES = 16,
    parameter int MAX_BURST = 1
) (
    input  logic                    clk,
    input  logic                    rst,
    input  logic                    strict,
    input  int                      log_file,
    input  int                      cycle,

    input  logic [31:0]             m_axi_araddr,
    input  logic [7:0]              m_axi_arlen,
    input  logic [2:0]              m_axi_arsize,
    input  logic [1:0]              m_axi_arburst,
    input  logic                    m_axi_arvalid,
    input  logic                    m_axi_arready,
    input  logic [8*DATA_BYTES-1:0] m_axi_rdata,
    input  logic [1:0]              m_axi_rresp,
    input  logic                    m_axi_rlast,
    input  logic                    m_axi_rvalid,
    input  logic                    m_axi_rready,
    input  logic [31:0]             m_axi_awaddr,
    input  logic [7:0]              m_axi_awlen,
    input  logic [2:0]              m_axi_awsize,
    input  logic [1:0]              m_axi_awburst,
    input  logic                    m_axi_awvalid,
    input  logic                    m_axi_awready,
    input  logic [8*DATA_BYTES-1:0] m_axi_wdata,
    input  logic [DATA_BYTES-1:0]   m_axi_wstrb,
    input  logic                    m_axi_wlast,
    input  logic                    m_axi_wvalid,
    input  logic                    m_axi_wready,
    input  logic [1:0]              m_axi_bresp,
    input  logic                    m_axi_bvalid,
    input  logic                    m_axi_bready,

    output logic                    violation,
    output logic                    quiet
);
    localparam int QUEUE = 256;
    localparam logic [2:0] SIZE = 3'($clog2(DATA_BYTES));
    localparam logic [1:0] INCR = 2'd1;

    logic wrong_burst;
    logic wrong_ar, wrong_r, wrong_aw, wrong_w, wrong_b;
    assign violation = wrong_burst | wrong_ar | wrong_r | wrong_aw | wrong_w | wrong_b;

    axi_channel #(.NAME("ar"), .WIDTH(45)) ar_i (
        .clk, .rst, .log_file, .cycle, .stay(1'b1), .valid(m_axi_arvalid), .ready(m_axi_arready),
        .payload({m_axi_araddr, m_axi_arlen, m_axi_arsize, m_axi_arburst}), .violation(wrong_ar)
    );
    axi_channel #(.NAME("r"), .WIDTH(8 * DATA_BYTES + 3)) r_i (
        .clk, .rst, .log_file, .cycle, .stay(strict), .valid(m_axi_rvalid), .ready(m_axi_rready),
        .payload({m_axi_rdata, m_axi_rresp, m_axi_rlast}), .violation(wrong_r)
    );
    axi_channel #(.NAME("aw"), .WIDTH(45)) aw_i (
        .clk, .rst, .log_file, .cycle, .stay(1'b1), .valid(m_axi_awvalid), .ready(m_axi_awready),
        .payload({m_axi_awaddr, m_axi_awlen, m_axi_awsize, m_axi_awburst}), .violation(wrong_aw)
    );
    axi_channel #(.NAME("w"), .WIDTH(9 * DATA_BYTES + 1)) w_i (
        .clk, .rst, .log_file, .cycle, .stay(1'b1), .valid(m_axi_wvalid), .ready(m_axi_wready),
        .payload({m_axi_wdata, m_axi_wstrb, m_axi_wlast}), .violation(wrong_w)
    );
    axi_channel #(.NAME("b"), .WIDTH(2)) b_i (
        .clk, .rst, .log_file, .cycle, .stay(1'b1), .valid(m_axi_bvalid), .ready(m_axi_bready),
        .payload(m_axi_bresp), .violation(wrong_b)
    );

    // Lengths of the bursts under way, in order: reads without their last R, writes without their
    // AW or without their last W, either of which may come first.
    logic [7:0] ar_len [QUEUE];
    logic [7:0] aw_len [QUEUE];
    logic [7:0] w_len [QUEUE];
    logic [7:0] ar_put, ar_get, aw_put, w_put, w_get;
    int r_beat, w_beat, b_owed;

    import axi_report::report;
    task automatic breach(input string text);
        wrong_burst <= 1'b1;
        report(log_file, cycle, text);
    endtask

    task automatic address(
        input logic [31:0] addr, input logic [7:0] len, input logic [2:0] size,
        input logic [1:0] burst, input string name
    );
        automatic int bytes = (int'(len) + 1) * DATA_BYTES;
        if (burst !== INCR) breach({name, "burst is not INCR"});
        if (size !== SIZE) breach({name, "size is not the bus width"});
        if (int'(len) >= MAX_BURST) breach({name, "len is over the longest burst"});
        if (addr % DATA_BYTES !== 0) breach({name, "addr is not aligned to the bus"});
        if (int'(addr[11:0]) + bytes > 4096) breach({name, " burst crosses a 4 KiB boundary"});
    endtask

    always @(posedge clk) begin : bursts
        if (rst) begin
            ar_put = 0; ar_get = 0; aw_put = 0; w_put = 0; w_get = 0;
            r_beat = 0; w_beat = 0; b_owed = 0;
            wrong_burst <= 1'b0;
            quiet <= 1'b1;
        end else begin
            if (m_axi_rvalid && m_axi_rready) begin
                if (ar_put == ar_get) breach("r beat without a read burst");
                else begin
                    if (m_axi_rlast !== (r_beat == int'(ar_len[ar_get]))) breach("rlast is wrong");
                    r_beat = r_beat + 1;
                    if (m_axi_rlast) begin ar_get = ar_get + 1; r_beat = 0; end
                end
            end
            if (m_axi_bvalid && m_axi_bready) begin
                if (b_owed == 0) breach("b without a finished write burst");
                else b_owed = b_owed - 1;
            end
            if (m_axi_awvalid && m_axi_awready) begin
                address(m_axi_awaddr, m_axi_awlen, m_axi_awsize, m_axi_awburst, "aw");
                aw_len[aw_put] = m_axi_awlen;
                aw_put = aw_put + 1;
            end
            if (m_axi_wvalid && m_axi_wready) begin
                if (aw_put != w_put && w_beat > int'(aw_len[w_put])) breach("wlast is wrong");
                w_len[w_put] = 8'(w_beat);
                w_beat = w_beat + 1;
                if (m_axi_wlast) begin w_put = w_put + 1; w_beat = 0; end
            end
            while (w_get != w_put && w_get != aw_put) begin
                if (w_len[w_get] !== aw_len[w_get]) breach("wlast is wrong");
                w_get = w_get + 1;
                b_owed = b_owed + 1;
            end
            if (m_axi_arvalid && m_axi_arready) begin
                address(m_axi_araddr, m_axi_arlen, m_axi_arsize, m_axi_arburst, "ar");
                ar_len[ar_put] = m_axi_arlen;
                ar_put = ar_put + 1;
            end
            quiet <= ar_put == ar_get && aw_put == w_get && w_put == w_get && w_beat == 0 && b_owed == 0;
        end
    end
endmodule
