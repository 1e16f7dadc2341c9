// What a run did, as text: run_<run_index>.log, opened by `load` and closed by `dump`.
//
//   <cycle> <unit> start|done <index>      a strobe of a unit: load, execute or store
//   <cycle> mac cycles <index> <n0> .. <n8> the array's last cycle for command <index>, before it
//                                          works for another one, and the cycles from its last one
//                                          for another command on, by the counters of cycles
//   <cycle> axi <channel> ...              each handshake of the AXI master, if axi_log is high
//   <cycle> run start|irq                  the run's ends
//   <cycle> violation <text>               written by the checkers through log_file
//
// `cycle` counts from the AXI-Lite handshake that writes the start bit, whose cycle is 0.
// `run_cycles` is the cycle in which irq rises.

module trace #(
    parameter int DATA_BYTES = 16,
    parameter int INDEX_BITS = 24
) (
    input  logic                  clk,
    input  logic                  rst,
    input  logic [31:0]           run_index,
    input  logic                  load,
    input  logic                  dump,
    input  logic                  axi_log,
    input  logic                  run_start,
    input  logic                  irq,

    input  logic [2:0]            trace_start,
    input  logic [2:0]            trace_done,
    input  logic [INDEX_BITS-1:0] trace_index_load,
    input  logic [INDEX_BITS-1:0] trace_index_execute,
    input  logic [INDEX_BITS-1:0] trace_index_store,
    input  logic                  trace_mac_busy,
    input  logic [INDEX_BITS-1:0] trace_mac_index,
    input  logic [3:0]            trace_cause,

    input  logic [31:0]           m_axi_araddr,
    input  logic [7:0]            m_axi_arlen,
    input  logic                  m_axi_arvalid,
    input  logic                  m_axi_arready,
    input  logic [1:0]            m_axi_rresp,
    input  logic                  m_axi_rlast,
    input  logic                  m_axi_rvalid,
    input  logic                  m_axi_rready,
    input  logic [31:0]           m_axi_awaddr,
    input  logic [7:0]            m_axi_awlen,
    input  logic                  m_axi_awvalid,
    input  logic                  m_axi_awready,
    input  logic                  m_axi_wlast,
    input  logic                  m_axi_wvalid,
    input  logic                  m_axi_wready,
    input  logic [1:0]            m_axi_bresp,
    input  logic                  m_axi_bvalid,
    input  logic                  m_axi_bready,

    output int                    log_file,
    output int                    cycle,
    output logic [31:0]           run_cycles
);
    localparam int CAUSES = 9;

    logic running, irq_before;
    // The array's last cycle and its command, the cycles of that one, and those since.
    int elapsed, mac_last, mac_cycles[16], idle_cycles[16];
    logic mac_worked, mac_idle;
    logic [INDEX_BITS-1:0] mac_index;

    assign cycle = run_start ? 0 : elapsed;
    wire finish = running && irq && !irq_before;

    task automatic strobes(input int unit, input string name, input logic [INDEX_BITS-1:0] index);
        if (trace_start[unit]) $fdisplay(log_file, "%0d %s start %0d", cycle, name, index);
        if (trace_done[unit]) $fdisplay(log_file, "%0d %s done %0d", cycle, name, index);
    endtask

    task automatic flush_mac;
        if (mac_worked) begin
            $fwrite(log_file, "%0d mac cycles %0d", mac_last, mac_index);
            for (int i = 0; i < CAUSES; i++) $fwrite(log_file, " %0d", mac_cycles[i]);
            $fwrite(log_file, "\n");
        end
        mac_worked = 1'b0;
        for (int i = 0; i < CAUSES; i++) mac_cycles[i] = 0;
    endtask

    // The first two cycles of a run wait for a command.
    task automatic begin_mac;
        mac_worked = 1'b0;
        for (int i = 0; i < CAUSES; i++) begin
            mac_cycles[i] = 0;
            idle_cycles[i] = 0;
        end
        idle_cycles[CAUSES-1] = 2;
        mac_idle = 1'b1;
    endtask

    task automatic count_mac;
        if (!trace_mac_busy) begin
            idle_cycles[trace_cause] = idle_cycles[trace_cause] + 1;
            mac_idle = 1'b1;
        end else begin
            if (trace_mac_index != mac_index) flush_mac();
            mac_index = trace_mac_index;
            mac_last = cycle;
            mac_worked = 1'b1;
            mac_cycles[trace_cause] = mac_cycles[trace_cause] + 1;
            if (mac_idle) begin
                for (int i = 0; i < CAUSES; i++) begin
                    mac_cycles[i] = mac_cycles[i] + idle_cycles[i];
                    idle_cycles[i] = 0;
                end
                mac_idle = 1'b0;
            end
        end
    endtask

    task automatic handshakes;
        if (m_axi_arvalid && m_axi_arready)
            $fdisplay(log_file, "%0d axi ar %0d %0d", cycle, m_axi_araddr, m_axi_arlen);
        if (m_axi_rvalid && m_axi_rready)
            $fdisplay(log_file, "%0d axi r %0d %0d", cycle, m_axi_rlast, m_axi_rresp);
        if (m_axi_awvalid && m_axi_awready)
            $fdisplay(log_file, "%0d axi aw %0d %0d", cycle, m_axi_awaddr, m_axi_awlen);
        if (m_axi_wvalid && m_axi_wready) $fdisplay(log_file, "%0d axi w %0d", cycle, m_axi_wlast);
        if (m_axi_bvalid && m_axi_bready) $fdisplay(log_file, "%0d axi b %0d", cycle, m_axi_bresp);
    endtask

    initial log_file = 0;

    always @(posedge clk) begin : events
        if (load && log_file == 0) log_file = $fopen($sformatf("run_%0d.log", run_index), "w");
        if (rst) begin
            running <= 1'b0;
            irq_before <= 1'b0;
            elapsed <= 0;
            run_cycles <= 0;
            begin_mac();
        end else begin
            irq_before <= irq;
            elapsed <= cycle + 1;
            if (run_start) begin
                running <= 1'b1;
                begin_mac();
                $fdisplay(log_file, "%0d run start", cycle);
            end
            if (running || run_start) begin
                if (trace_start != 0 || trace_done != 0) begin
                    strobes(0, "load", trace_index_load);
                    strobes(1, "execute", trace_index_execute);
                    strobes(2, "store", trace_index_store);
                end
                if (cycle >= 2) count_mac();
            end
            if (axi_log && log_file != 0) handshakes();
            if (finish) begin
                flush_mac();
                running <= 1'b0;
                run_cycles <= cycle;
                $fdisplay(log_file, "%0d run irq", cycle);
            end
        end
        if (dump && log_file != 0) begin
            $fclose(log_file);
            log_file = 0;
            running <= 1'b0;
        end
    end
endmodule
