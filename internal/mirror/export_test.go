package mirror

import "time"

// KeepGuestsFor sets how long guests are kept that no attachment has. Run must not
// have begun.
func (m *Mirror) KeepGuestsFor(d time.Duration) { m.keep = d }
