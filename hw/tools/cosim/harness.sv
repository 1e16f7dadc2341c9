// The accelerator with its protocol checkers and its log; the AXI master stays open.
//
// run_start marks the cycle in which the AXI-Lite write of cfg_start_data to cfg_start_addr is
// complete: the later one of its AW and W handshakes.

module harness #(
    parameter int DATA_BYTES = 16,
    parameter int AXIL_ADDR_BITS = 12,
    parameter int INDEX_BITS = 24,
    parameter int MAX_BURST = 1
) (
    input  logic                      clk,
    input  logic                      rst,
    input  logic                      strict,
    input  logic                      axi_log,
    input  logic [31:0]               run_index,
    input  logic                      load,
    input  logic                      dump,
    input  logic [AXIL_ADDR_BITS-1:0] cfg_start_addr,
    input  logic [31:0]               cfg_start_data,

    input  logic [AXIL_ADDR_BITS-1:0] s_axil_awaddr,
    input  logic                      s_axil_awvalid,
    output logic                      s_axil_awready,
    input  logic [31:0]               s_axil_wdata,
    input  logic [3:0]                s_axil_wstrb,
    input  logic                      s_axil_wvalid,
    output logic                      s_axil_wready,
    output logic [1:0]                s_axil_bresp,
    output logic                      s_axil_bvalid,
    input  logic                      s_axil_bready,
    input  logic [AXIL_ADDR_BITS-1:0] s_axil_araddr,
    input  logic                      s_axil_arvalid,
    output logic                      s_axil_arready,
    output logic [31:0]               s_axil_rdata,
    output logic [1:0]                s_axil_rresp,
    output logic                      s_axil_rvalid,
    input  logic                      s_axil_rready,

    output logic [31:0]               m_axi_araddr,
    output logic [7:0]                m_axi_arlen,
    output logic [2:0]                m_axi_arsize,
    output logic [1:0]                m_axi_arburst,
    output logic                      m_axi_arvalid,
    input  logic                      m_axi_arready,
    input  logic [8*DATA_BYTES-1:0]   m_axi_rdata,
    input  logic [1:0]                m_axi_rresp,
    input  logic                      m_axi_rlast,
    input  logic                      m_axi_rvalid,
    output logic                      m_axi_rready,
    output logic [31:0]               m_axi_awaddr,
    output logic [7:0]                m_axi_awlen,
    output logic [2:0]                m_axi_awsize,
    output logic [1:0]                m_axi_awburst,
    output logic                      m_axi_awvalid,
    input  logic                      m_axi_awready,
    output logic [8*DATA_BYTES-1:0]   m_axi_wdata,
    output logic [DATA_BYTES-1:0]     m_axi_wstrb,
    output logic                      m_axi_wlast,
    output logic                      m_axi_wvalid,
    input  logic                      m_axi_wready,
    input  logic [1:0]                m_axi_bresp,
    input  logic                      m_axi_bvalid,
    output logic                      m_axi_bready,

    output logic                      irq,
    output logic                      violation,
    output logic                      quiet,
    output logic [31:0]               run_cycles
);
    logic [2:0] trace_start, trace_done;
    logic [INDEX_BITS-1:0] trace_index_load, trace_index_execute, trace_index_store;
    logic [INDEX_BITS-1:0] trace_mac_index;
    logic trace_mac_busy;
    logic [3:0] trace_cause;
    int log_file, cycle;

    // The half of an AXI-Lite write that came first, kept until the other half comes.
    logic aw_taken, w_taken;
    logic [AXIL_ADDR_BITS-1:0] awaddr_taken;
    logic [31:0] wdata_taken;

    wire aw_now = s_axil_awvalid && s_axil_awready;
    wire w_now = s_axil_wvalid && s_axil_wready;
    wire written = (aw_now || aw_taken) && (w_now || w_taken);
    wire run_start = written
        && (aw_taken ? awaddr_taken : s_axil_awaddr) == cfg_start_addr
        && (w_taken ? wdata_taken : s_axil_wdata) == cfg_start_data;

    always_ff @(posedge clk) begin
        aw_taken <= !rst && !written && (aw_taken || aw_now);
        w_taken <= !rst && !written && (w_taken || w_now);
        if (aw_now) awaddr_taken <= s_axil_awaddr;
        if (w_now) wdata_taken <= s_axil_wdata;
    end

    // The accelerator may have outputs that nobody looks at here.
    /* verilator lint_off PINMISSING */
    accelerator dut (
        .clk, .rst, .s_axil_awaddr, .s_axil_awvalid, .s_axil_awready, .s_axil_wdata,
        .s_axil_wstrb, .s_axil_wvalid, .s_axil_wready, .s_axil_bresp, .s_axil_bvalid,
        .s_axil_bready, .s_axil_araddr, .s_axil_arvalid, .s_axil_arready, .s_axil_rdata,
        .s_axil_rresp, .s_axil_rvalid, .s_axil_rready, .m_axi_araddr, .m_axi_arlen,
        .m_axi_arsize, .m_axi_arburst, .m_axi_arvalid, .m_axi_arready, .m_axi_rdata,
        .m_axi_rresp, .m_axi_rlast, .m_axi_rvalid, .m_axi_rready, .m_axi_awaddr, .m_axi_awlen,
        .m_axi_awsize, .m_axi_awburst, .m_axi_awvalid, .m_axi_awready, .m_axi_wdata,
        .m_axi_wstrb, .m_axi_wlast, .m_axi_wvalid, .m_axi_wready, .m_axi_bresp, .m_axi_bvalid,
        .m_axi_bready, .irq, .trace_start, .trace_done, .trace_index_load, .trace_index_execute,
        .trace_index_store, .trace_mac_busy, .trace_mac_index, .trace_cause
    );
    /* verilator lint_on PINMISSING */
    logic wrong_axi, wrong_axil;
    assign violation = wrong_axi | wrong_axil;
    axi_checker #(.DATA_BYTES(DATA_BYTES), .MAX_BURST(MAX_BURST)) axi_checker_i (
        .violation(wrong_axi), .*
    );
    axil_checker #(.ADDR_BITS(AXIL_ADDR_BITS)) axil_checker_i (.violation(wrong_axil), .*);
    trace #(.DATA_BYTES(DATA_BYTES), .INDEX_BITS(INDEX_BITS)) trace_i (.*);
endmodule
