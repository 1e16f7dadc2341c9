// The top of a simulation with the memory model inside.
//
// All there is to see from Python are the ports of tb_top: public signals slow Verilator down, so
// the AXI link lies one level below.

module tb_top #(
    parameter int DATA_BYTES = 16,
    parameter int AXIL_ADDR_BITS = 12,
    parameter int INDEX_BITS = 24,
    parameter int DEPTH_BYTES = 1 << 26,
    parameter int MAX_BURST = 1,
    parameter int MEMORY_OUTSTANDING = 1,
    parameter int WRITE_RESPONSE = 1
) (
    input  logic                      clk,
    input  logic                      rst,
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

    input  logic [31:0]               dump_lo,
    input  logic [31:0]               dump_hi,
    input  logic [31:0]               cfg_origin,
    input  logic [31:0]               cfg_latency,
    input  logic [31:0]               cfg_interval,
    input  logic [31:0]               cfg_gap_seed,
    input  logic [7:0]                cfg_gap_rate,
    input  logic [4:0]                cfg_silent_channels,
    input  logic [31:0]               cfg_silent_after,
    input  logic [31:0]               cfg_silent_cycles,
    input  logic [31:0]               cfg_err_read_lo,
    input  logic [31:0]               cfg_err_read_hi,
    input  logic [1:0]                cfg_err_read_resp,
    input  logic [31:0]               cfg_err_write_lo,
    input  logic [31:0]               cfg_err_write_hi,
    input  logic [1:0]                cfg_err_write_resp,

    output logic                      irq,
    output logic                      violation,
    output logic                      quiet,
    output logic [31:0]               run_cycles
);
    // A simulator that draws the values before the first clock edge may draw a rising clock and
    // strobes at time 0, when nothing has driven them yet.
    logic driven = 1'b0;
    always @(posedge clk) driven <= 1'b1;

    tb_system #(
        .DATA_BYTES(DATA_BYTES), .AXIL_ADDR_BITS(AXIL_ADDR_BITS), .INDEX_BITS(INDEX_BITS),
        .DEPTH_BYTES(DEPTH_BYTES), .MAX_BURST(MAX_BURST),
        .MEMORY_OUTSTANDING(MEMORY_OUTSTANDING), .WRITE_RESPONSE(WRITE_RESPONSE)
    ) system (.reset(rst), .load(load && driven), .dump(dump && driven), .*);
endmodule

module tb_system #(
    parameter int DATA_BYTES = 16,
    parameter int AXIL_ADDR_BITS = 12,
    parameter int INDEX_BITS = 24,
    parameter int DEPTH_BYTES = 1 << 26,
    parameter int MAX_BURST = 1,
    parameter int MEMORY_OUTSTANDING = 1,
    parameter int WRITE_RESPONSE = 1
) (
    input  logic                      clk,
    input  logic                      reset,
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

    input  logic [31:0]               dump_lo,
    input  logic [31:0]               dump_hi,
    input  logic [31:0]               cfg_origin,
    input  logic [31:0]               cfg_latency,
    input  logic [31:0]               cfg_interval,
    input  logic [31:0]               cfg_gap_seed,
    input  logic [7:0]                cfg_gap_rate,
    input  logic [4:0]                cfg_silent_channels,
    input  logic [31:0]               cfg_silent_after,
    input  logic [31:0]               cfg_silent_cycles,
    input  logic [31:0]               cfg_err_read_lo,
    input  logic [31:0]               cfg_err_read_hi,
    input  logic [1:0]                cfg_err_read_resp,
    input  logic [31:0]               cfg_err_write_lo,
    input  logic [31:0]               cfg_err_write_hi,
    input  logic [1:0]                cfg_err_write_resp,

    output logic                      irq,
    output logic                      violation,
    output logic                      quiet,
    output logic [31:0]               run_cycles
);
    logic [31:0] m_axi_araddr, m_axi_awaddr;
    logic [7:0] m_axi_arlen, m_axi_awlen;
    logic [2:0] m_axi_arsize, m_axi_awsize;
    logic [1:0] m_axi_arburst, m_axi_awburst, m_axi_rresp, m_axi_bresp;
    logic [8*DATA_BYTES-1:0] m_axi_rdata, m_axi_wdata;
    logic [DATA_BYTES-1:0] m_axi_wstrb;
    logic m_axi_arvalid, m_axi_arready, m_axi_awvalid, m_axi_awready, m_axi_wlast, m_axi_wvalid;
    logic m_axi_wready, m_axi_rlast, m_axi_rvalid, m_axi_rready, m_axi_bvalid, m_axi_bready;

    // All that follows from an input of the top, or from a signal there, is computed anew when an
    // input changes, the clock too; and the next value of every register follows from the reset.
    logic rst = 1'b1;
    always @(posedge clk) rst <= reset !== 1'b0;

    wire strict = cfg_gap_rate != 0;

    harness #(
        .DATA_BYTES(DATA_BYTES), .AXIL_ADDR_BITS(AXIL_ADDR_BITS), .INDEX_BITS(INDEX_BITS),
        .MAX_BURST(MAX_BURST)
    ) harness_i (.*);
    dram #(
        .DATA_BYTES(DATA_BYTES), .DEPTH_BYTES(DEPTH_BYTES),
        .MEMORY_OUTSTANDING(MEMORY_OUTSTANDING), .WRITE_RESPONSE(WRITE_RESPONSE)
    ) dram_i (.*);
endmodule
