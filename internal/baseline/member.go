package baseline

import (
	"slices"
	"strings"
	"sync"

	"github.com/runhooks/runhooks/internal/validate"
	"github.com/runhooks/runhooks/pkg/conformance"
)

// named are the pointers of the objects whose members the contract names.
var named = sync.OnceValue(func() map[string]bool {
	all := map[string]bool{}
	for _, event := range validate.Events {
		for _, o := range event.Objects {
			all[o.Pointer] = true
		}
	}
	return all
})

// member returns the pattern of the pointer of a finding that others share which have the
// same cause: with * for the index of an array. Of what the contract is known to be
// broken by, or is silent about, names that users give to lists and cells are a *, too.
func member(f *conformance.Finding) string {
	pointer := f.Pattern
	if pointer == "" {
		pointer = f.Pointer
	}
	anyName := slices.Contains([]string{"dialect", "data", "contract"}, f.Code.Family())
	var b strings.Builder
	for rest := pointer; rest != ""; {
		end := strings.IndexByte(rest[1:], '/') + 1
		if end == 0 {
			end = len(rest)
		}
		token := rest[1:end]
		parent := pointer[:len(pointer)-len(rest)]
		if index := token != "" && strings.Trim(token, "0123456789") == ""; index || anyName && !named()[parent] {
			token = "*"
		}
		b.WriteString("/" + token)
		rest = rest[end:]
	}
	return strings.ToValidUTF8(b.String(), "\ufffd")
}
