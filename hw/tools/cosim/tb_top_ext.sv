// The top of a simulation whose memory is an AXI model in Python.
//
// A W beat waits here until its AW has been accepted, as rule 4 of the memory model wants: the
// model in Python would take it earlier.

module tb_top_ext #(
    parameter int DATA_BYTES = 16,
    parameter int AXIL_ADDR_BITS = 12,
    parameter int INDEX_BITS = 24,
    parameter int MAX_BURST = 1
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

    output logic                      m_axi_arid,
    output logic [31:0]               m_axi_araddr,
    output logic [7:0]                m_axi_arlen,
    output logic [2:0]                m_axi_arsize,
    output logic [1:0]                m_axi_arburst,
    output logic                      m_axi_arvalid,
    input  logic                      m_axi_arready,
    input  logic                      m_axi_rid,
    input  logic [8*DATA_BYTES-1:0]   m_axi_rdata,
    input  logic [1:0]                m_axi_rresp,
    input  logic                      m_axi_rlast,
    input  logic                      m_axi_rvalid,
    output logic                      m_axi_rready,
    output logic                      m_axi_awid,
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
    input  logic                      m_axi_bid,
    input  logic [1:0]                m_axi_bresp,
    input  logic                      m_axi_bvalid,
    output logic                      m_axi_bready,

    output logic                      irq,
    output logic                      violation,
    output logic                      quiet,
    output logic [31:0]               run_cycles
);
    assign m_axi_arid = 1'b0;
    assign m_axi_awid = 1'b0;

    harness #(
        .DATA_BYTES(DATA_BYTES), .AXIL_ADDR_BITS(AXIL_ADDR_BITS), .INDEX_BITS(INDEX_BITS),
        .MAX_BURST(MAX_BURST)
    ) harness_i (.*, .strict(1'b1));
endmodule
