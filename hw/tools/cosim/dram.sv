// The memory of the simulated system: one AXI4 slave with fixed latency and bandwidth.
//
// Timing, cycle by cycle (the simulator is written to the same statement). A handshake "in cycle t"
// is one that both sides see at the clock edge that ends cycle t. L = cfg_latency (64 by default),
// I = cfg_interval (1 by default; a bus throttled to fewer bytes per cycle has I > 1).
//
//   AR   arready is high in a cycle iff, at its start, fewer than MEMORY_OUTSTANDING reads are
//        outstanding: ARs accepted minus last R beats handed over, both in earlier cycles.
//   AW   awready likewise: AWs accepted minus B responses handed over, both in earlier cycles.
//   R    A burst whose AR handshake is in cycle t has its first beat handed over in cycle t + L at
//        the earliest. Bursts are answered in the order accepted; their waits overlap.
//        "R can move": the oldest unfinished burst's time has come, and rready is high.
//   W    "W can move": wvalid is high, and an AW accepted in an earlier cycle still lacks beats.
//   Bus  At most one beat, R or W, moves per cycle, and after a beat in cycle t none before cycle
//        t + I; until then neither can move. When only one can move, it does. When both can, the
//        one whose turn it is does, and the turn passes to the other. The turn is R's after reset
//        and changes in no other cycle.
//   B    The last W beat's handshake in cycle t raises bvalid in cycle t + WRITE_RESPONSE, in order;
//        it stays until bready.
//   Data A read beat returns what all W beats handed over in earlier cycles have left.
//
// rvalid depends on wvalid and wready on rready, both combinationally; so the machine must drive
// wvalid and rready from registers. rvalid falls without a handshake when W takes its turn: AXI
// forbids that of a real slave, rule 3 of the memory model needs it here.
//
// cfg_gap_rate > 0 is the robustness mode, in which nothing above about time holds: in each cycle
// each channel withholds its arready, awready, wready, rvalid or bvalid with a probability of
// cfg_gap_rate / 256, independently. All five channels then keep to AXI: rvalid and bvalid, once
// high, stay until the handshake.
//
// cfg_silent_channels (AR, R, AW, W, B from bit 0) fall silent in the cycle after the one in which
// they saw their cfg_silent_after-th handshake since reset, counted together: then the memory
// withholds its arready, rvalid, awready, wready or bvalid, for cfg_silent_cycles cycles, or for
// good if that is 0. An rvalid or bvalid that is high stays until its handshake.
//
// The storage lies from cfg_origin on; all other addresses and words named here count from there.
//
// cfg_err_*_resp /= 0 makes each beat that touches [lo, hi) answer with that response: on the R
// beat itself, or on the B of a burst with any such W beat (the beat is not written). A beat
// outside the storage answers DECERR.
//
// `load` reads image_<run_index>.bin from the working directory: whole words, most significant byte
// first (what $fread wants); storage beyond it is cleared. `dump` writes words [dump_lo, dump_hi)
// to dump_<run_index>.bin in address order, least significant byte first. Both are strobes, and
// neither changes anything but the storage.

module dram #(
    parameter int DATA_BYTES = 16,
    parameter int DEPTH_BYTES = 1 << 26,
    parameter int MEMORY_OUTSTANDING = 1,
    parameter int WRITE_RESPONSE = 1
) (
    input  logic                    clk,
    input  logic                    rst,

    input  logic [31:0]             cfg_origin,
    input  logic [31:0]             cfg_latency,
    input  logic [31:0]             cfg_interval,
    input  logic [31:0]             cfg_gap_seed,
    input  logic [7:0]              cfg_gap_rate,
    input  logic [4:0]              cfg_silent_channels,
    input  logic [31:0]             cfg_silent_after,
    input  logic [31:0]             cfg_silent_cycles,
    input  logic [31:0]             cfg_err_read_lo,
    input  logic [31:0]             cfg_err_read_hi,
    input  logic [1:0]              cfg_err_read_resp,
    input  logic [31:0]             cfg_err_write_lo,
    input  logic [31:0]             cfg_err_write_hi,
    input  logic [1:0]              cfg_err_write_resp,

    input  logic [31:0]             run_index,
    input  logic                    load,
    input  logic                    dump,
    input  logic [31:0]             dump_lo,
    input  logic [31:0]             dump_hi,

    input  logic [31:0]             m_axi_araddr,
    input  logic [7:0]              m_axi_arlen,
    input  logic                    m_axi_arvalid,
    output logic                    m_axi_arready,
    output logic [8*DATA_BYTES-1:0] m_axi_rdata,
    output logic [1:0]              m_axi_rresp,
    output logic                    m_axi_rlast,
    output logic                    m_axi_rvalid,
    input  logic                    m_axi_rready,
    input  logic [31:0]             m_axi_awaddr,
    input  logic [7:0]              m_axi_awlen,
    input  logic                    m_axi_awvalid,
    output logic                    m_axi_awready,
    input  logic [8*DATA_BYTES-1:0] m_axi_wdata,
    input  logic [DATA_BYTES-1:0]   m_axi_wstrb,
    input  logic                    m_axi_wvalid,
    output logic                    m_axi_wready,
    output logic [1:0]              m_axi_bresp,
    output logic                    m_axi_bvalid,
    input  logic                    m_axi_bready
);
    localparam int WORDS = DEPTH_BYTES / DATA_BYTES;
    localparam logic [1:0] DECERR = 2'd3;

    typedef logic [8*DATA_BYTES-1:0] word_t;

    word_t mem [WORDS];

    // What the cycle shows; all registers.
    logic ar_open, aw_open, r_due, r_hold, w_open, b_due, b_hold, turn_is_w;
    logic gap_ar, gap_aw, gap_r, gap_w, gap_b;

    wire r_offer = r_hold || (r_due && !gap_r);
    wire w_offer = w_open && !gap_w;
    wire conflict = r_offer && m_axi_rready && w_offer && m_axi_wvalid;

    assign m_axi_arready = ar_open && !gap_ar;
    assign m_axi_awready = aw_open && !gap_aw;
    assign m_axi_rvalid = r_hold || (r_offer && !(w_offer && m_axi_wvalid && turn_is_w));
    assign m_axi_wready = w_offer && !(m_axi_rvalid && m_axi_rready);
    assign m_axi_bvalid = b_hold || (b_due && !gap_b);

    // The state behind it, touched by the one process below only.
    int now;            // the cycle that ends at this edge, then the one that begins
    int bus_free;       // the first cycle in which the data bus can carry a beat
    logic [31:0] read_addr [MEMORY_OUTSTANDING];
    int read_beats [MEMORY_OUTSTANDING], read_due [MEMORY_OUTSTANDING];
    int r_head, r_count, r_beat;
    logic [31:0] write_addr [MEMORY_OUTSTANDING];
    int write_beats [MEMORY_OUTSTANDING], write_due [MEMORY_OUTSTANDING];
    logic [1:0] write_resp [MEMORY_OUTSTANDING];
    int b_head, b_count, w_head, w_beat;   // b_count bursts from b_head lack B; from w_head, W too
    int w_count;
    logic [31:0] noise [5];
    int handshakes, silence;    // of the silent channels, and cycles for which they have been it

    // Of one turn of the process only.
    logic [31:0] addr;
    logic [1:0] resp;
    word_t mask;
    int word, slot;
    logic [4:0] seen, silent;

    function automatic logic [1:0] response(
        input logic [31:0] addr,
        input logic [31:0] lo, input logic [31:0] hi, input logic [1:0] resp
    );
        if (addr >= 32'(DEPTH_BYTES)) return DECERR;
        if (resp != 0 && addr < hi && 33'(addr) + 33'(DATA_BYTES) > 33'(lo)) return resp;
        return 2'd0;
    endfunction

    function automatic logic [31:0] xorshift(input logic [31:0] seed);
        logic [31:0] x;
        x = seed ^ (seed << 13);
        x = x ^ (x >> 17);
        return x ^ (x << 5);
    endfunction

    function automatic int wrap(input int slot);
        return slot >= MEMORY_OUTSTANDING ? slot - MEMORY_OUTSTANDING : slot;
    endfunction

    always @(posedge clk) begin : model
        if (rst) begin
            now = 0;
            bus_free = 0;
            r_head = 0; r_count = 0; r_beat = 0;
            b_head = 0; b_count = 0; w_head = 0; w_count = 0; w_beat = 0;
            turn_is_w <= 1'b0;
            r_hold <= 1'b0;
            b_hold <= 1'b0;
            handshakes = 0; silence = 0;
            for (int i = 0; i < 5; i++)
                noise[i] = ((cfg_gap_seed + 32'd1) * 32'h9E3779B1) ^ (32'(i + 1) << 24);
        end else begin
            // The W beat goes first, so that the next cycle's read data include it.
            if (m_axi_wvalid && m_axi_wready) begin
                addr = write_addr[w_head] + 32'(w_beat * DATA_BYTES);
                resp = response(addr, cfg_err_write_lo, cfg_err_write_hi, cfg_err_write_resp);
                if (resp != 0) write_resp[w_head] = resp;
                else begin
                    for (int i = 0; i < DATA_BYTES; i++) mask[8*i +: 8] = {8{m_axi_wstrb[i]}};
                    word = int'(addr) / DATA_BYTES;
                    mem[word] = (mem[word] & ~mask) | (m_axi_wdata & mask);
                end
                bus_free = now + int'(cfg_interval);
                w_beat = w_beat + 1;
                if (w_beat == write_beats[w_head]) begin
                    write_due[w_head] = now + WRITE_RESPONSE;
                    w_head = wrap(w_head + 1);
                    w_count = w_count - 1;
                    w_beat = 0;
                end
            end
            if (m_axi_bvalid && m_axi_bready) begin
                b_head = wrap(b_head + 1);
                b_count = b_count - 1;
            end
            if (m_axi_awvalid && m_axi_awready) begin
                slot = wrap(b_head + b_count);
                write_addr[slot] = m_axi_awaddr - cfg_origin;
                write_beats[slot] = int'(m_axi_awlen) + 1;
                write_resp[slot] = 2'd0;
                b_count = b_count + 1;
                w_count = w_count + 1;
            end
            if (m_axi_rvalid && m_axi_rready) begin
                bus_free = now + int'(cfg_interval);
                r_beat = r_beat + 1;
                if (m_axi_rlast) begin
                    r_head = wrap(r_head + 1);
                    r_count = r_count - 1;
                    r_beat = 0;
                end
            end
            if (m_axi_arvalid && m_axi_arready) begin
                slot = wrap(r_head + r_count);
                read_addr[slot] = m_axi_araddr - cfg_origin;
                read_beats[slot] = int'(m_axi_arlen) + 1;
                read_due[slot] = now + int'(cfg_latency);
                r_count = r_count + 1;
            end
            seen = cfg_silent_channels & {
                m_axi_bvalid && m_axi_bready, m_axi_wvalid && m_axi_wready,
                m_axi_awvalid && m_axi_awready, m_axi_rvalid && m_axi_rready,
                m_axi_arvalid && m_axi_arready};
            for (int i = 0; i < 5; i++) if (seen[i]) handshakes = handshakes + 1;
            if (conflict) turn_is_w <= !turn_is_w;
            r_hold <= cfg_gap_rate != 0 && m_axi_rvalid && !m_axi_rready;
            b_hold <= m_axi_bvalid && !m_axi_bready;
            now = now + 1;
        end

        // From here on `now` is the cycle that begins.
        ar_open <= r_count < MEMORY_OUTSTANDING;
        aw_open <= b_count < MEMORY_OUTSTANDING;
        r_due <= r_count != 0 && now >= read_due[r_head] && now >= bus_free;
        w_open <= w_count != 0 && now >= bus_free;
        b_due <= b_count != w_count && now >= write_due[b_head];
        m_axi_bresp <= write_resp[b_head];
        if (r_count != 0) begin
            addr = read_addr[r_head] + 32'(r_beat * DATA_BYTES);
            resp = response(addr, cfg_err_read_lo, cfg_err_read_hi, cfg_err_read_resp);
            word = int'(addr) / DATA_BYTES;
            m_axi_rdata <= addr < 32'(DEPTH_BYTES) ? mem[word] : '0;
            m_axi_rresp <= resp;
            m_axi_rlast <= r_beat + 1 == read_beats[r_head];
        end
        if (cfg_gap_rate != 0)
            for (int i = 0; i < 5; i++) noise[i] = xorshift(noise[i]);
        silent = 5'd0;
        if (!rst && handshakes >= int'(cfg_silent_after)
                && (cfg_silent_cycles == 0 || silence < int'(cfg_silent_cycles))) begin
            silent = cfg_silent_channels;
            silence = silence + 1;
        end
        gap_ar <= noise[0][7:0] < cfg_gap_rate || silent[0];
        gap_aw <= noise[1][7:0] < cfg_gap_rate || silent[2];
        gap_r <= noise[2][7:0] < cfg_gap_rate || silent[1];
        gap_w <= noise[3][7:0] < cfg_gap_rate || silent[3];
        gap_b <= noise[4][7:0] < cfg_gap_rate || silent[4];

        if (load) load_image();
        if (dump) dump_words();
    end

    task automatic load_image;
        string name;
        int file, bytes_read;
        name = $sformatf("image_%0d.bin", run_index);
        file = $fopen(name, "rb");
        if (file == 0) $fatal(1, "cannot open %s", name);
        bytes_read = $fread(mem, file);
        $fclose(file);
        for (int i = bytes_read / DATA_BYTES; i < WORDS; i++) mem[i] = '0;
    endtask

    task automatic dump_words;
        string name;
        int file;
        name = $sformatf("dump_%0d.bin", run_index);
        file = $fopen(name, "wb");
        if (file == 0) $fatal(1, "cannot write %s", name);
        for (int i = int'(dump_lo); i < int'(dump_hi); i++) $fwrite(file, "%u", mem[i]);
        $fclose(file);
    endtask
endmodule
