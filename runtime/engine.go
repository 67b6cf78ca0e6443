package runtime

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
)

// Config is the configuration of an Engine. The zero value is usable.
type Config struct {
	// CacheDir keeps machine code over restarts; empty for none. Whoever can write to it can run code
	// in this process.
	CacheDir string
	// Interpreter runs guests without compiling them: slow to answer, quick to start. For tests.
	Interpreter bool
	// Most is the most that any attachment's limits may give; zero fields stand for MostLimits.
	Most Limits
	// Text reads rdata in presentation form; nil refuses answers that use it.
	Text TextParser
}

// Engine compiles guests and holds what they share: the machine code and the host functions.
type Engine struct {
	engine wazero.Runtime
	cache  wazero.CompilationCache
	config Config

	folder  *folder // nil where there is none
	modules *spill  // what comes back from the cache; nil where there is none
	deltas  *spill  // of pictures; nil where they lie on the heap

	vacancies  vacancies
	pictures   atomic.Int64 // bytes of those in use
	unloaded   atomic.Int64 // bytes of code that waits for the garbage collector
	stuck      atomic.Int64 // of these, what outlived the last cycle of ours
	collecting sync.Mutex   // held by who has that collect
}

// New makes an engine. The caller closes it.
func New(ctx context.Context, config Config) (*Engine, error) {
	config.Most = config.Most.or(MostLimits)
	e := &Engine{config: config}
	options := wazero.NewRuntimeConfigCompiler()
	if config.Interpreter {
		options = wazero.NewRuntimeConfigInterpreter()
	}
	options = options.
		WithCoreFeatures(api.CoreFeaturesV2).
		WithMemoryLimitPages(config.Most.MemoryPages).
		WithDebugInfoEnabled(false)
	if config.CacheDir != "" {
		cache, err := wazero.NewCompilationCacheWithDir(config.CacheDir)
		if err != nil {
			return nil, fmt.Errorf("runtime: compilation cache: %w", err)
		}
		e.cache = cache
		options = options.WithCompilationCache(cache)
		if e.folder, err = openFolder(config.CacheDir); err != nil {
			return nil, errors.Join(fmt.Errorf("runtime: compilation cache: %w", err), cache.Close(ctx))
		}
		e.modules, _ = newDiskSpill(config.CacheDir) // without one, code stays
	}
	e.deltas, _ = newMemorySpill() // without one, they lie on the heap
	e.engine = wazero.NewRuntimeWithConfig(ctx, options)
	if err := e.define(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("runtime: host functions: %w", err), e.Close(ctx))
	}
	return e, nil
}

// Most gives the most that any attachment's limits may give.
func (e *Engine) Most() Limits { return e.config.Most }

func (e *Engine) define(ctx context.Context) error {
	if err := defineImports(ctx, e.engine); err != nil {
		return err
	}
	return defineWASI(ctx, e.engine)
}

// Close frees all modules and instances of the engine, which must not be in use.
func (e *Engine) Close(ctx context.Context) error {
	err := e.engine.Close(ctx)
	if e.cache != nil {
		err = errors.Join(err, e.cache.Close(ctx))
	}
	for _, s := range []*spill{e.modules, e.deltas} {
		if s != nil {
			err = errors.Join(err, s.file.Close())
		}
	}
	return err
}
