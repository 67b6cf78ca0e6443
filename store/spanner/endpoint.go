package spanner

import (
	"os"
	"regexp"
	"time"

	"cloud.google.com/go/spanner"
	vkit "cloud.google.com/go/spanner/apiv1"
	gax "github.com/googleapis/gax-go/v2"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"

	"github.com/namelet/namelet/store"
)

// maxPause bounds the pauses between attempts, of connections and of calls: what
// cannot be reached is asked again this soon after it is back.
const maxPause = 250 * time.Millisecond

func init() {
	// The library has no option for this one, and would come to pause for 32 s.
	spanner.DefaultRetryBackoff = pause
}

var pause = gax.Backoff{Initial: 20 * time.Millisecond, Max: maxPause, Multiplier: 1.5}

var databaseName = regexp.MustCompile(`^projects/[a-z0-9:.-]{1,63}/instances/[a-z][-a-z0-9]{0,62}[a-z0-9]/databases/[a-z][-_a-z0-9]{0,28}[a-z0-9]$`)

// CheckName refuses what is no name of a database: store.ErrInvalid.
func CheckName(database string) error {
	if !databaseName.MatchString(database) {
		return failf(store.ErrInvalid, "%q is no database: want projects/P/instances/I/databases/D", database)
	}
	return nil
}

// emulatorHost is HOST:PORT of the emulator to talk to; empty for Spanner itself.
func emulatorHost(endpoint string) string {
	if endpoint == "" {
		endpoint = os.Getenv("SPANNER_EMULATOR_HOST")
	}
	return schemes.ReplaceAllString(endpoint, "")
}

var schemes = regexp.MustCompile("^(http://|https://|passthrough:///)")

// dialOptions say how connections are made and watched. A peer that acknowledges
// nothing for silence is given up by the kernel; one that answers no ping, by gRPC.
func dialOptions(endpoint string, more []grpc.DialOption) []option.ClientOption {
	const silence = 2 * time.Second
	dial := []grpc.DialOption{
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: 20 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: maxPause},
			MinConnectTimeout: silence,
		}),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 10 * time.Second, Timeout: silence}),
	}
	var options []option.ClientOption
	if host := emulatorHost(endpoint); host != "" {
		dial = append(dial, grpc.WithTransportCredentials(insecure.NewCredentials()))
		options = append(options, option.WithEndpoint("passthrough:///"+host), option.WithoutAuthentication())
	}
	for _, o := range append(dial, more...) {
		options = append(options, option.WithGRPCDialOption(o))
	}
	return options
}

// callOptions bound the pauses between attempts of one call.
func callOptions() *vkit.CallOptions {
	again := []gax.CallOption{gax.WithRetry(func() gax.Retryer {
		return gax.OnCodes([]codes.Code{codes.Unavailable}, pause)
	})}
	return &vkit.CallOptions{CreateSession: again, BeginTransaction: again, Commit: again, Rollback: again, ExecuteSql: again}
}
