package control

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/namelet/namelet/internal/trial"
	"github.com/namelet/namelet/runtime"
	"github.com/namelet/namelet/store"
)

// Trier finds out what a module is and does. What is wrong with it stands in the report; the error is of
// something else. *trial.Child is one.
type Trier interface {
	Try(ctx context.Context, wasm []byte, scenarios []trial.Scenario, tell func(trial.Phase)) (*trial.Report, error)

	// Start only starts a module, with the configuration that it is to be attached with.
	Start(ctx context.Context, wasm []byte, config runtime.GenerationConfig) (*trial.Report, error)
}

// here tries modules in this process.
type here struct{ engine *runtime.Engine }

func (h here) Try(ctx context.Context, wasm []byte, scenarios []trial.Scenario, tell func(trial.Phase)) (*trial.Report, error) {
	return trial.Run(ctx, h.engine, wasm, scenarios, tell)
}

func (h here) Start(ctx context.Context, wasm []byte, config runtime.GenerationConfig) (*trial.Report, error) {
	return trial.Start(ctx, h.engine, wasm, config)
}

// DeleteGuest deletes a version that is not attached, and is not the newest.
// CodeNotFound, CodeInUse, CodeInvalid.
func (s *Service) DeleteGuest(ctx context.Context, q GuestVersionName) error {
	if q.Version == 0 {
		return invalid("version: want the number of the one to delete")
	}
	return classify(s.store.DeleteGuest(ctx, q.Guest, q.Version))
}

// PushGuest stores a module as a guest's newest version, once it has passed its
// trial, with the report. A module that is the newest already stays it, with the
// report it has. CodeModule, CodeInvalid, CodeTooLarge, CodeUnsigned.
func (s *Service) PushGuest(ctx context.Context, q GuestPush, module []byte) (GuestVersion, error) {
	if err := store.CheckGuestName(q.Guest); err != nil {
		return GuestVersion{}, classify(err)
	}
	if len(module) > store.MaxGuestBytes {
		return GuestVersion{}, &Error{Code: CodeTooLarge, Detail: fmt.Sprintf("the module has %d bytes, more than %d", len(module), store.MaxGuestBytes)}
	}
	if err := trial.Check(q.Scenarios); err != nil {
		return GuestVersion{}, &Error{Code: CodeTooLarge, Detail: detail(err), err: err}
	}
	key, err := s.keys.Check(module, q.Signature)
	if err != nil {
		return GuestVersion{}, classify(err)
	}
	proof := store.Proof{Key: key}
	if key != "" { // else nobody has looked at it
		proof.Signature = q.Signature
	}
	tell := func(p PushPhase) {
		if q.Told != nil {
			q.Told(p)
		}
	}
	tell(PushWaiting)
	report, err := s.trier.Try(ctx, module, q.Scenarios, func(p trial.Phase) { tell(PushPhase(p)) })
	if err != nil {
		return GuestVersion{}, classify(err)
	}
	if report.Failed() {
		return GuestVersion{}, &Error{Code: CodeModule, Detail: report.Problem(), Report: report}
	}
	var text strings.Builder
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false) // it is kept, and sent from here as any other JSON is
	if err := encoder.Encode(report); err != nil {
		return GuestVersion{}, classify(fmt.Errorf("control: report: %w", err))
	}
	tell(PushStoring)
	proof.Report = text.String()
	g, err := s.store.PutProvedGuest(ctx, q.Guest, module, proof)
	if err != nil {
		return GuestVersion{}, classify(err)
	}
	return guestOf(g), nil
}
