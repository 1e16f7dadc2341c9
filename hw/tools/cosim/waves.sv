// Records signals: of the whole simulation, or of a run's cycles waves_first to waves_last.
//
// Lies in or beside the top WAVES_TOP; WAVES_HARNESS is the path of the harness. timeline_cycle is recorded with all signals: the cycle
// as the simulator and its timeline count it, from the start of the first segment. waves_before has
// the cycles of the segments before this one.
//
// waves_scope is empty or a scope, to be recorded with what lies in it; for Icarus, WAVES_SCOPE is
// it. As Verilator ignores the scope of $dumpvars, and $dumpoff, C++ does what they stand for, with
// the recorder that its code for $dumpvars has.

module waves;
    string file, scope;
    longint unsigned first_cycle, last_cycle, cycles_before;
    logic windowed, recording;

    wire active = `WAVES_HARNESS.run_start || `WAVES_HARNESS.trace_i.running;
    wire [31:0] run_cycle =
        active ? `WAVES_HARNESS.cycle : `WAVES_HARNESS.run_cycles;
    wire [63:0] timeline_cycle = cycles_before + {32'd0, run_cycle};
    wire recorded = windowed && active && timeline_cycle >= first_cycle
        && timeline_cycle <= last_cycle;

    task automatic open;
        recording = 1'b1;
`ifdef VERILATOR
        if (scope == "") begin
            $dumpfile(file);
            $dumpvars;
        end else begin
            $c("{ const VerilatedLockGuard lock{vlSymsp->__Vm_dumperMutex};",
               "auto*& dumper = vlSymsp->__Vm_dumperp;",
               "dumper = new std::remove_pointer_t<std::remove_reference_t<decltype(dumper)>>;",
               "vlSymsp->__Vm_modelp->trace(dumper, 0, 0);",
               "dumper->dumpvars(99, \"", `"`WAVES_TOP`", ".waves_i\");",
               "dumper->dumpvars(99, ", scope, ");",
               "dumper->open(", file, ".c_str());",
               "vlSymsp->__Vm_dumping = true; }");
        end
`else
        $dumpfile(file);
        $dumpvars(0, waves, `WAVES_SCOPE);
`endif
    endtask

    task automatic close;
        recording = 1'b0;
`ifdef VERILATOR
        $c("vlSymsp->_traceDumpClose();");
`else
        $dumpoff;
`endif
    endtask

    initial begin
        recording = 1'b0;
        if (!$value$plusargs("waves_file=%s", file)) $fatal(1, "no waves_file");
        if (!$value$plusargs("waves_scope=%s", scope)) scope = "";
        if (!$value$plusargs("waves_before=%d", cycles_before)) cycles_before = 0;
        if (!$value$plusargs("waves_last=%d", last_cycle)) last_cycle = 0;
        windowed = $value$plusargs("waves_first=%d", first_cycle) != 0;
        if (!windowed) open();
    end

    always @(posedge recorded) if (!recording) open();
    always @(negedge recorded) if (recording) close();
endmodule

`ifdef VERILATOR
bind `WAVES_TOP waves waves_i();
`endif
