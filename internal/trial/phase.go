package trial

// Phase is what a trial is at.
type Phase string

// The phases, in their order.
const (
	PhaseInspecting Phase = "inspecting" // what the module has and may call
	PhaseCompiling  Phase = "compiling"
	PhaseAsking     Phase = "asking" // it is started, and asked
)
