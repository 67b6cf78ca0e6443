package inspect

// Report says what an accepted module is.
type Report struct {
	Size             int      // of the module, in bytes
	Functions        int      // that the module defines
	LargestBody      int      // in bytes
	LargestBodyIndex uint32   // index of the function with the largest body
	LargestBodyName  string   // its name, if the module has names
	DeepestNesting   int      // of blocks in one function
	MostLocals       int      // of one function, parameters included
	Exports          []Export // all of them, in the module's order
	Imports          []Import // all of them, in the module's order
	Inputs           []string // the imports by which a guest reads something, in the order of the ABI
	Lookups          bool     // it can look up RRsets
	MemoryMin        uint32   // in pages of 64 KiB
	MemoryMax        uint32   // in pages; 65,536 if the module declares none
	Tables           []Table
	Globals          int
	MutableGlobals   []uint32 // indices of the mutable globals that hold a number
	DataSegments     int
	DataBytes        int      // of all data segments
	ElementEntries   int      // of all element segments, however many of them a table has in the end
	PassiveData      bool     // a passive data segment exists: dropping it is state
	DroppedData      bool     // an instruction drops a data segment, an active one too: the engine keeps these until then
	PassiveElements  bool     // a passive element segment exists: dropping it is state
	MutableTables    bool     // an instruction of the module writes or grows a table
	MutableOpaque    bool     // a mutable global holds a reference or a vector, which a host cannot copy
	SIMD             bool     // the code has vector instructions
	Names            bool     // it has a name section that can be read
	ModuleName       string   // from the name section, or empty
	Language         []string // from the producers section: the names and versions of languages
	ProcessedBy      []string // from the producers section: the names and versions of tools
}

// Export is an export of the module.
type Export struct {
	Name string
	Type string // "func (i32) -> i32", "memory", "table" or "global"
}

// Import is an imported function.
type Import struct {
	Module, Name string
	Type         string // "func (i32) -> i64"
}

// Table is a table of the module.
type Table struct {
	Type string // "funcref" or "externref"
	Min  uint32 // entries
	Max  uint32 // entries that it may grow to; the rewriter lowers it to the limit
}

// Snapshot says whether memory and the mutable globals are all the state of an instance, so that
// copying them makes another. Otherwise the module must be instantiated anew.
func (r *Report) Snapshot() bool {
	return !r.PassiveData && !r.DroppedData && !r.PassiveElements && !r.MutableTables && !r.MutableOpaque
}
