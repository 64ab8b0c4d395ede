package cli

import (
	"runtime"
	"runtime/debug"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestBuildOf(t *testing.T) {
	const platform = runtime.GOOS + "/" + runtime.GOARCH
	for _, tt := range []struct {
		name string
		info *debug.BuildInfo
		want build
		text string
	}{
		{
			"nothing recorded", nil,
			build{Version: "(devel)", Go: runtime.Version(), Platform: platform},
			"(devel) " + runtime.Version() + " " + platform,
		},
		{
			"go install of a version", &debug.BuildInfo{Main: debug.Module{Version: "v0.1.0"}},
			build{Version: "v0.1.0", Go: runtime.Version(), Platform: platform},
			"v0.1.0 " + runtime.Version() + " " + platform,
		},
		{
			"a checkout", &debug.BuildInfo{Main: debug.Module{Version: "v0.1.0+dirty"}, Settings: []debug.BuildSetting{
				{Key: "vcs", Value: "git"}, {Key: "vcs.revision", Value: "ec43b8e"},
				{Key: "vcs.time", Value: "2026-01-02T15:04:05Z"}, {Key: "vcs.modified", Value: "true"},
			}},
			build{
				Version: "v0.1.0+dirty", Commit: "ec43b8e", CommitTime: "2026-01-02T15:04:05Z", Modified: true,
				Go: runtime.Version(), Platform: platform,
			},
			"v0.1.0+dirty (commit ec43b8e, 2026-01-02T15:04:05Z, modified) " + runtime.Version() + " " + platform,
		},
	} {
		got := buildOf(tt.info)
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
		if got.String() != tt.text {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.text)
		}
	}
}
