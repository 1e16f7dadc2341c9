// The accelerator in a system. An example: put your interconnect in the place of interconnect_stub,
// which keeps silent, and give the module ports for the processor and the memory.
//
// reg_*  registers, AXI4-Lite, from the processor. The interconnect decodes the base address; the
//        accelerator takes the lowest bits only.
// mem_*  memory, AXI4, to wherever the program and the data lie. Physical addresses: no MMU.
// irq    level, high until the driver answers it.
//
// clk and rst are those of both ports; rst is synchronous. Signals that the accelerator does not
// have are tied here: one transaction identifier, Normal Non-cacheable Bufferable memory,
// unprivileged secure data accesses.

module ${prefix}system (
    input  wire clk,
    input  wire rst,
    output wire irq
);
    localparam DATA_BYTES = $data_bytes;
    localparam ID_BITS = 1;

    wire [31:0] reg_awaddr, reg_wdata, reg_araddr, reg_rdata;
    wire [2:0] reg_awprot, reg_arprot;
    wire reg_awvalid, reg_awready, reg_wvalid, reg_wready, reg_bvalid, reg_bready, reg_arvalid,
        reg_arready, reg_rvalid, reg_rready;
    wire [3:0] reg_wstrb;
    wire [1:0] reg_bresp, reg_rresp;
    wire [ID_BITS-1:0] mem_arid, mem_rid, mem_awid, mem_bid;
    wire [31:0] mem_araddr, mem_awaddr;
    wire [7:0] mem_arlen, mem_awlen;
    wire [2:0] mem_arsize, mem_arprot, mem_awsize, mem_awprot;
    wire [1:0] mem_arburst, mem_rresp, mem_awburst, mem_bresp;
    wire mem_arlock, mem_arvalid, mem_arready, mem_rlast, mem_rvalid, mem_rready, mem_awlock,
        mem_awvalid, mem_awready, mem_wlast, mem_wvalid, mem_wready, mem_bvalid, mem_bready;
    wire [3:0] mem_arcache, mem_arqos, mem_awcache, mem_awqos;
    wire [8*DATA_BYTES-1:0] mem_rdata, mem_wdata;
    wire [DATA_BYTES-1:0] mem_wstrb;
    wire [2:0] trace_start, trace_done;
    wire [$index_bits-1:0] trace_index_load, trace_index_execute, trace_index_store;
    wire [$index_bits-1:0] trace_mac_index;
    wire trace_mac_busy;
    wire [3:0] trace_cause;

    assign mem_arid = {ID_BITS{1'b0}};
    assign mem_arlock = 1'b0;
    assign mem_arcache = 4'b0011;
    assign mem_arprot = 3'b000;
    assign mem_arqos = 4'b0000;
    assign mem_awid = {ID_BITS{1'b0}};
    assign mem_awlock = 1'b0;
    assign mem_awcache = 4'b0011;
    assign mem_awprot = 3'b000;
    assign mem_awqos = 4'b0000;

    ${prefix}accelerator accelerator_i (
        .clk(clk),
        .rst(rst),
        .irq(irq),
        .s_axil_awaddr(reg_awaddr[$register_bits-1:0]),
        .s_axil_awvalid(reg_awvalid),
        .s_axil_awready(reg_awready),
        .s_axil_wdata(reg_wdata),
        .s_axil_wstrb(reg_wstrb),
        .s_axil_wvalid(reg_wvalid),
        .s_axil_wready(reg_wready),
        .s_axil_bresp(reg_bresp),
        .s_axil_bvalid(reg_bvalid),
        .s_axil_bready(reg_bready),
        .s_axil_araddr(reg_araddr[$register_bits-1:0]),
        .s_axil_arvalid(reg_arvalid),
        .s_axil_arready(reg_arready),
        .s_axil_rdata(reg_rdata),
        .s_axil_rresp(reg_rresp),
        .s_axil_rvalid(reg_rvalid),
        .s_axil_rready(reg_rready),
        .m_axi_araddr(mem_araddr),
        .m_axi_arlen(mem_arlen),
        .m_axi_arsize(mem_arsize),
        .m_axi_arburst(mem_arburst),
        .m_axi_arvalid(mem_arvalid),
        .m_axi_arready(mem_arready),
        .m_axi_rdata(mem_rdata),
        .m_axi_rresp(mem_rresp),
        .m_axi_rlast(mem_rlast),
        .m_axi_rvalid(mem_rvalid),
        .m_axi_rready(mem_rready),
        .m_axi_awaddr(mem_awaddr),
        .m_axi_awlen(mem_awlen),
        .m_axi_awsize(mem_awsize),
        .m_axi_awburst(mem_awburst),
        .m_axi_awvalid(mem_awvalid),
        .m_axi_awready(mem_awready),
        .m_axi_wdata(mem_wdata),
        .m_axi_wstrb(mem_wstrb),
        .m_axi_wlast(mem_wlast),
        .m_axi_wvalid(mem_wvalid),
        .m_axi_wready(mem_wready),
        .m_axi_bresp(mem_bresp),
        .m_axi_bvalid(mem_bvalid),
        .m_axi_bready(mem_bready),
        .trace_start(trace_start),
        .trace_done(trace_done),
        .trace_index_load(trace_index_load),
        .trace_index_execute(trace_index_execute),
        .trace_index_store(trace_index_store),
        .trace_mac_busy(trace_mac_busy),
        .trace_mac_index(trace_mac_index),
        .trace_cause(trace_cause)
    );

    ${prefix}interconnect_stub #(.DATA_BYTES(DATA_BYTES), .ID_BITS(ID_BITS)) interconnect_i (
        .reg_awaddr(reg_awaddr),
        .reg_awprot(reg_awprot),
        .reg_awvalid(reg_awvalid),
        .reg_awready(reg_awready),
        .reg_wdata(reg_wdata),
        .reg_wstrb(reg_wstrb),
        .reg_wvalid(reg_wvalid),
        .reg_wready(reg_wready),
        .reg_bresp(reg_bresp),
        .reg_bvalid(reg_bvalid),
        .reg_bready(reg_bready),
        .reg_araddr(reg_araddr),
        .reg_arprot(reg_arprot),
        .reg_arvalid(reg_arvalid),
        .reg_arready(reg_arready),
        .reg_rdata(reg_rdata),
        .reg_rresp(reg_rresp),
        .reg_rvalid(reg_rvalid),
        .reg_rready(reg_rready),
        .mem_arid(mem_arid),
        .mem_araddr(mem_araddr),
        .mem_arlen(mem_arlen),
        .mem_arsize(mem_arsize),
        .mem_arburst(mem_arburst),
        .mem_arlock(mem_arlock),
        .mem_arcache(mem_arcache),
        .mem_arprot(mem_arprot),
        .mem_arqos(mem_arqos),
        .mem_arvalid(mem_arvalid),
        .mem_arready(mem_arready),
        .mem_rid(mem_rid),
        .mem_rdata(mem_rdata),
        .mem_rresp(mem_rresp),
        .mem_rlast(mem_rlast),
        .mem_rvalid(mem_rvalid),
        .mem_rready(mem_rready),
        .mem_awid(mem_awid),
        .mem_awaddr(mem_awaddr),
        .mem_awlen(mem_awlen),
        .mem_awsize(mem_awsize),
        .mem_awburst(mem_awburst),
        .mem_awlock(mem_awlock),
        .mem_awcache(mem_awcache),
        .mem_awprot(mem_awprot),
        .mem_awqos(mem_awqos),
        .mem_awvalid(mem_awvalid),
        .mem_awready(mem_awready),
        .mem_wdata(mem_wdata),
        .mem_wstrb(mem_wstrb),
        .mem_wlast(mem_wlast),
        .mem_wvalid(mem_wvalid),
        .mem_wready(mem_wready),
        .mem_bid(mem_bid),
        .mem_bresp(mem_bresp),
        .mem_bvalid(mem_bvalid),
        .mem_bready(mem_bready)
    );
endmodule

// In place of an interconnect: it never asks for a register and never accepts a burst.
module ${prefix}interconnect_stub #(
    parameter DATA_BYTES = 4,
    parameter ID_BITS = 1
) (
    output wire [31:0] reg_awaddr,
    output wire [2:0] reg_awprot,
    output wire reg_awvalid,
    input  wire reg_awready,
    output wire [31:0] reg_wdata,
    output wire [3:0] reg_wstrb,
    output wire reg_wvalid,
    input  wire reg_wready,
    input  wire [1:0] reg_bresp,
    input  wire reg_bvalid,
    output wire reg_bready,
    output wire [31:0] reg_araddr,
    output wire [2:0] reg_arprot,
    output wire reg_arvalid,
    input  wire reg_arready,
    input  wire [31:0] reg_rdata,
    input  wire [1:0] reg_rresp,
    input  wire reg_rvalid,
    output wire reg_rready,
    input  wire [ID_BITS-1:0] mem_arid,
    input  wire [31:0] mem_araddr,
    input  wire [7:0] mem_arlen,
    input  wire [2:0] mem_arsize,
    input  wire [1:0] mem_arburst,
    input  wire mem_arlock,
    input  wire [3:0] mem_arcache,
    input  wire [2:0] mem_arprot,
    input  wire [3:0] mem_arqos,
    input  wire mem_arvalid,
    output wire mem_arready,
    output wire [ID_BITS-1:0] mem_rid,
    output wire [8*DATA_BYTES-1:0] mem_rdata,
    output wire [1:0] mem_rresp,
    output wire mem_rlast,
    output wire mem_rvalid,
    input  wire mem_rready,
    input  wire [ID_BITS-1:0] mem_awid,
    input  wire [31:0] mem_awaddr,
    input  wire [7:0] mem_awlen,
    input  wire [2:0] mem_awsize,
    input  wire [1:0] mem_awburst,
    input  wire mem_awlock,
    input  wire [3:0] mem_awcache,
    input  wire [2:0] mem_awprot,
    input  wire [3:0] mem_awqos,
    input  wire mem_awvalid,
    output wire mem_awready,
    input  wire [8*DATA_BYTES-1:0] mem_wdata,
    input  wire [DATA_BYTES-1:0] mem_wstrb,
    input  wire mem_wlast,
    input  wire mem_wvalid,
    output wire mem_wready,
    output wire [ID_BITS-1:0] mem_bid,
    output wire [1:0] mem_bresp,
    output wire mem_bvalid,
    input  wire mem_bready
);
    assign reg_awaddr = 32'd0;
    assign reg_awprot = 3'd0;
    assign reg_awvalid = 1'b0;
    assign reg_wdata = 32'd0;
    assign reg_wstrb = 4'd0;
    assign reg_wvalid = 1'b0;
    assign reg_bready = 1'b0;
    assign reg_araddr = 32'd0;
    assign reg_arprot = 3'd0;
    assign reg_arvalid = 1'b0;
    assign reg_rready = 1'b0;
    assign mem_arready = 1'b0;
    assign mem_rid = {ID_BITS{1'b0}};
    assign mem_rdata = {8*DATA_BYTES{1'b0}};
    assign mem_rresp = 2'd0;
    assign mem_rlast = 1'b0;
    assign mem_rvalid = 1'b0;
    assign mem_awready = 1'b0;
    assign mem_wready = 1'b0;
    assign mem_bid = {ID_BITS{1'b0}};
    assign mem_bresp = 2'd0;
    assign mem_bvalid = 1'b0;
endmodule
