package cli_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/runhooks/runhooks/internal/cli"
)

// TestSchemaGuide: what the guide to schemas says a check prints is what it prints, with
// the schema of the guide.
func TestSchemaGuide(t *testing.T) {
	guide := readFile(t, "../../docs/schemas.md")
	schema := regexp.MustCompile("(?s)<!-- file: prices.json -->\n```json\n(.*?)```\n").FindStringSubmatch(guide)
	shown := regexp.MustCompile("(?s)<!-- output: (.*?) -->\n```\n\\$ runhooks (.*?)\n(.*?)```\n").FindStringSubmatch(guide)
	if schema == nil || shown == nil || shown[1] != shown[2] {
		t.Fatal("the guide lacks its schema or its output")
	}
	const event = `{
  "event_type": "run_completed",
  "timestamp": "2025-05-29T15:53:15.595Z",
  "webhook_id": "1b480cbd-c43b-4541-a69e-92d82000d992",
  "data": {
    "robot_id": "d453def3-800a-4b6c-ba31-854cf8dd8d26",
    "run_id": "110c4dae-c39b-4b30-a932-eff1022e4bb0",
    "robot_name": "Laptops",
    "status": "success",
    "started_at": "2025-05-29T15:52:30.595Z",
    "finished_at": "2025-05-29T15:53:15.595Z",
    "extracted_data": {
      "captured_texts": [],
      "captured_lists": {
        "list_0": [
          { "Product": "MacBook Pro", "Price": "$3,999.00" },
          { "Product": "MacBook Air", "Price": "1999.00" },
          { "Product": "Mac mini", "Price": "from $599" },
          { "Product": "Mac Pro" }
        ]
      },
      "total_rows": 4,
      "captured_texts_count": 0,
      "captured_lists_count": 4,
      "screenshots_count": 0
    },
    "metadata": {}
  }
}
`
	t.Chdir(t.TempDir())
	for name, text := range map[string]string{"prices.json": schema[1], "event.json": event} {
		if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	var got, errOut strings.Builder
	cli.Run(t.Context(), strings.Fields(shown[1]), strings.NewReader(""), &got, &errOut)
	if diff := cmp.Diff(shown[3], got.String()); diff != "" {
		t.Errorf("%s\n(-guide +output):\n%s", errOut.String(), diff)
	}
}
