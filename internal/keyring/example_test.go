package keyring_test

import (
	"fmt"

	"github.com/runhooks/runhooks/internal/keyring"
)

func Example() {
	key, err := keyring.NewKey("k1")
	if err != nil {
		fmt.Println(err)
		return
	}
	ring, err := keyring.Parse(key) // the text of a file, or of a variable of the environment
	if err != nil {
		fmt.Println(err)
		return
	}
	sealed := ring.Seal([]byte("whsec_…"), "0197f9a8-2f0e-7c35-9d67-1f0a5b6c7d8e")
	plain, err := ring.Open(sealed, "0197f9a8-2f0e-7c35-9d67-1f0a5b6c7d8e")
	fmt.Println(ring, string(plain), err)
	// Output: keys k1 whsec_… <nil>
}
