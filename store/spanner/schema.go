package spanner

// A migration takes the schema from the version before to its own: migrations[i] to
// version i+1. A migration that was released is never edited. Its statements may be
// run again, after a run that was cut off.
type migration []string

// migrations make the tables. The driver's tables of byte strings are
// store.Table's names, with the columns K and V. Added to them are
//
//   - schema_versions: a row for each migration that was done; that of version 1
//     has the random name of this schema, by which a database that was put in
//     another's place is known,
//   - changes: the change log. Its key begins with one of logShards numbers,
//     hashed from the entry's shard, because rows whose keys begin with rising
//     times would all be written to the same place,
//   - applied: the ID of each batch, by which a commit in doubt is found.
//
// Old rows of the last two are deleted by Spanner. Nothing leans on that.
var migrations = []migration{
	{
		`CREATE TABLE IF NOT EXISTS schema_versions (
			Version INT64 NOT NULL,
			Schema BYTES(16),
			Applied TIMESTAMP NOT NULL OPTIONS (allow_commit_timestamp = true),
		) PRIMARY KEY (Version)`,
		rows("meta"), rows("zones"), rows("rrsets"), rows("journal"), rows("requests"),
		rows("blobs"), rows("chunks"), rows("guests"), rows("attachments"), rows("garbage"),
		`CREATE TABLE IF NOT EXISTS changes (
			Shard INT64 NOT NULL,
			Committed TIMESTAMP NOT NULL OPTIONS (allow_commit_timestamp = true),
			Batch BYTES(16) NOT NULL,
			Number INT64 NOT NULL,
			Subject BYTES(MAX) NOT NULL,
			Entry BYTES(MAX) NOT NULL,
		) PRIMARY KEY (Shard, Committed, Batch, Number),
		ROW DELETION POLICY (OLDER_THAN(Committed, INTERVAL 3 DAY))`,
		`CREATE TABLE IF NOT EXISTS applied (
			Batch BYTES(16) NOT NULL,
			Committed TIMESTAMP NOT NULL OPTIONS (allow_commit_timestamp = true),
		) PRIMARY KEY (Batch),
		ROW DELETION POLICY (OLDER_THAN(Committed, INTERVAL 1 DAY))`,
	},
	{rows("replicas")},
	{rows("tokens"), rows("audit")},
}

// rows makes a table of byte strings.
func rows(table string) string {
	return "CREATE TABLE IF NOT EXISTS " + table + ` (
			K BYTES(MAX) NOT NULL,
			V BYTES(MAX) NOT NULL,
		) PRIMARY KEY (K)`
}

const (
	tableVersions = "schema_versions"
	tableChanges  = "changes"
	tableApplied  = "applied"
)
