package addrspace_test

import (
	"fmt"
	"net/netip"

	"github.com/runhooks/runhooks/internal/addrspace"
)

func ExampleSpecial() {
	fmt.Println(addrspace.Special(netip.MustParseAddr("192.168.1.10")))
	fmt.Printf("%q\n", addrspace.Special(netip.MustParseAddr("8.8.8.8")))
	// Output:
	// private (RFC 1918)
	// ""
}

func ExampleCarried() {
	fmt.Println(addrspace.Carried(netip.MustParseAddr("64:ff9b::127.0.0.1"), false))
	// Output: [127.0.0.1]
}
