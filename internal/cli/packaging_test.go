package cli_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// The image is of the binary alone, and runs the service. TestBinary sees that it is
// static.
func TestDockerfile(t *testing.T) {
	_, final, ok := strings.Cut(readFile(t, "../../packaging/Dockerfile"), "\nFROM scratch\n")
	if !ok {
		t.Fatal("it has no stage from scratch")
	}
	for _, want := range []string{"USER 65532:65532", `ENTRYPOINT ["/runhooks"]`, `CMD ["serve"]`, "RUNHOOKS_DATA=/data", "VOLUME /data", `CMD ["/runhooks", "health"]`} {
		if !strings.Contains(final, want) {
			t.Errorf("the last stage lacks %s", want)
		}
	}
}

// systemd takes the unit, and has little to say against it.
func TestUnit(t *testing.T) {
	unit := readFile(t, "../../packaging/runhooks.service")
	command := regexp.MustCompile(`(?m)^ExecStart=(\S+) serve$`).FindStringSubmatch(unit)
	if command == nil {
		t.Fatal("the unit doesn't run the service")
	}
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		if os.Getenv("REQUIRE_ALL") == "1" && runtime.GOOS == "linux" {
			t.Fatal(err)
		}
		t.Skip("systemd-analyze is not installed")
	}
	file := filepath.Join(t.TempDir(), "runhooks.service")
	installed := strings.Replace(unit, command[1], os.Args[0], 1)
	if err := os.WriteFile(file, []byte(installed), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), analyze, "verify", "--man=no", file).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("verify: %v\n%s", err, out)
	}
	// The exposure is 0 to 10, and the threshold in tenths of it.
	if out, err := exec.CommandContext(t.Context(), analyze, "security", "--offline=true", "--threshold=15", file).CombinedOutput(); err != nil {
		t.Errorf("security: %v\n%s", err, out)
	}
}

// The nodes of the compose file share a database and a key, and all that it refers to
// is there.
func TestCompose(t *testing.T) {
	var file struct {
		Services map[string]struct {
			Image       string
			Build       struct{ Context, Dockerfile string }
			Environment map[string]string
			DependsOn   map[string]struct{ Condition string } `yaml:"depends_on"`
			Volumes     []string
			Healthcheck *struct{ Test []string }
		}
		Volumes map[string]any
	}
	if err := yaml.Unmarshal([]byte(readFile(t, "../../packaging/compose.yaml")), &file); err != nil {
		t.Fatal(err)
	}
	nodes := 0
	for name, s := range file.Services {
		for _, volume := range s.Volumes {
			source, _, _ := strings.Cut(volume, ":")
			if _, ok := file.Volumes[source]; !ok {
				t.Errorf("%s has a volume %s, which is not there", name, source)
			}
		}
		for other, on := range s.DependsOn {
			if o, ok := file.Services[other]; !ok || on.Condition == "service_healthy" && o.Healthcheck == nil {
				t.Errorf("%s depends on %s, whose health nobody checks", name, other)
			}
		}
		if s.Build.Dockerfile == "" {
			continue
		}
		nodes++
		if s.Healthcheck == nil || strings.Join(s.Healthcheck.Test, " ") != "CMD /runhooks health" {
			t.Errorf("the health of %s is not checked: %+v", name, s.Healthcheck)
		}
		if _, err := os.Stat(filepath.Join("../../packaging", s.Build.Context, s.Build.Dockerfile)); err != nil {
			t.Error(err)
		}
		if !strings.HasPrefix(s.Environment["RUNHOOKS_STORE"], "postgres://") || s.Environment["RUNHOOKS_KEY"] == "" || s.Environment["RUNHOOKS_NODE"] != name {
			t.Errorf("%s has the environment %v", name, s.Environment)
		}
	}
	if nodes != 2 {
		t.Errorf("there are %d nodes, want 2", nodes)
	}
}
