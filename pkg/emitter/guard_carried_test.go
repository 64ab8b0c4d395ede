package emitter

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"testing"

	"github.com/runhooks/runhooks/internal/addrspace"
)

// IPv6 addresses that carry IPv4 addresses. Each passes, or is blocked for the
// reason, with the prefixes listed.
var carriers = []struct{ addr, listed, reason string }{
	// IPv4-mapped: one of two ways to write an IPv4 address.
	{"::ffff:8.8.8.8", "", ""},
	{"::ffff:127.0.0.1", "", "loopback (RFC 1122)"},
	{"::ffff:127.0.0.1", "::/0", "loopback (RFC 1122)"},
	{"::ffff:127.0.0.1", "127.0.0.0/8", ""},
	{"::ffff:127.0.0.1", "::ffff:127.0.0.0/104", ""},

	// NAT64 by the prefix that is known everywhere: as public as what it carries.
	{"64:ff9b::8.8.8.8", "", ""},
	{"64:ff9b::1.1.1.1", "10.0.0.0/8", ""},
	{"64:ff9b::223.255.255.255", "", ""},
	{"64:ff9b::8.8.8.8%eth0", "", "one of a link of this host (RFC 4007)"},
	{"64:ff9b::", "", "it leads to 0.0.0.0, unspecified (RFC 1122)"},
	{"64:ff9b::127.0.0.1", "", "it leads to 127.0.0.1, loopback (RFC 1122)"},
	{"64:ff9b::127.0.0.1", "64:ff9b::/96", "it leads to 127.0.0.1, loopback (RFC 1122)"},
	{"64:ff9b::127.0.0.1", "64:ff9b::7f00:1/128", "it leads to 127.0.0.1, loopback (RFC 1122)"},
	{"64:ff9b::127.0.0.1", "::/0", "it leads to 127.0.0.1, loopback (RFC 1122)"},
	{"64:ff9b::127.0.0.1", "127.0.0.0/8", "it leads to 127.0.0.1, loopback (RFC 1122)"},
	{"64:ff9b::127.0.0.1", "64:ff9b::/96 10.0.0.0/8", "it leads to 127.0.0.1, loopback (RFC 1122)"},
	{"64:ff9b::127.0.0.1", "64:ff9b::/96 127.0.0.1/32", ""},
	{"64:ff9b::10.0.0.1", "", "it leads to 10.0.0.1, private (RFC 1918)"},
	{"64:ff9b::10.0.0.1", "64:ff9b::/96 ::ffff:10.0.0.0/104", ""},
	{"64:ff9b::169.254.169.254", "", "it leads to 169.254.169.254, the metadata of a cloud"},
	{"64:ff9b::168.63.129.16", "64:ff9b::/96", "it leads to 168.63.129.16, the metadata of a cloud"},
	{"64:ff9b::1:8.8.8.8", "", "outside the global unicast space (RFC 4291)"}, // not of the prefix's 96 bits

	// NAT64 by a prefix of 96 bits of the network's own.
	{"64:ff9b:1::8.8.8.8", "", "IPv4 by NAT64 (RFC 8215)"},
	{"64:ff9b:1::8.8.8.8", "64:ff9b:1::/96", ""},
	{"64:ff9b:1:abcd:ef:1234:808:808", "64:ff9b:1:abcd:ef:1234::/96", ""},
	{"64:ff9b:1::8.8.8.8", "64:ff9b:1::808:808/128", ""},
	{"64:ff9b:1::127.0.0.1", "64:ff9b:1::/96", "it leads to 127.0.0.1, loopback (RFC 1122)"},
	{"64:ff9b:1::127.0.0.1", "64:ff9b:1::/96 127.0.0.0/8", ""},
	{"64:ff9b:1::127.0.0.1", "127.0.0.0/8", "IPv4 by NAT64 (RFC 8215)"},
	{"64:ff9b:1:abcd::10.0.0.1", "64:ff9b:1::/96", "IPv4 by NAT64 (RFC 8215)"},
	// By a shorter one, each place counts: of 48 bits, of 56, of 64 and of 96.
	{"64:ff9b:1:7f00:0:100::", "64:ff9b:1::/48", "it leads to 127.0.0.1, loopback (RFC 1122)"},
	{"64:ff9b:1:127f:0:1:808:808", "64:ff9b:1::/48", "it leads to 127.0.0.1, loopback (RFC 1122)"},
	{"64:ff9b:1:1212:7f:0:108:808", "64:ff9b:1::/48", "it leads to 127.0.0.1, loopback (RFC 1122)"},
	{"64:ff9b:1:1212:12:1212:7f00:1", "64:ff9b:1::/48", "it leads to 127.0.0.1, loopback (RFC 1122)"},
	{"64:ff9b:1:1212:12:1212:7f00:1", "64:ff9b:1:1200::/56", "it leads to 127.0.0.1, loopback (RFC 1122)"},
	{"64:ff9b:1:1212:12:1212:7f00:1", "64:ff9b:1:1212::/64", "it leads to 127.0.0.1, loopback (RFC 1122)"},
	{"64:ff9b:1:1212:12:1212:7f00:1", "64:ff9b:1::/48 127.0.0.1/32", ""},
	{"64:ff9b:1:1212:12:1212:808:808", "64:ff9b:1::/48", ""},
	{"64:ff9b:1::8.8.8.8", "64:ff9b:1::/48", "it leads to 0.0.0.0, unspecified (RFC 1122)"},
	{"64:ff9b:1::8.8.8.8", "64:ff9b:1::/48 64:ff9b:1::/96", ""},

	// 6to4.
	{"2002:808:808::1", "", "IPv4 by 6to4 (RFC 3056)"},
	{"2002:808:808::1", "2002::/16", ""},
	{"2002:7f00:1::1", "", "IPv4 by 6to4 (RFC 3056)"},
	{"2002:7f00:1::1", "2002::/16", "it leads to 127.0.0.1, loopback (RFC 1122)"},
	{"2002:7f00:1::1", "2002:7f00:1::/48", "it leads to 127.0.0.1, loopback (RFC 1122)"},
	{"2002:7f00:1::1", "127.0.0.0/8", "IPv4 by 6to4 (RFC 3056)"},
	{"2002:7f00:1::1", "2002::/16 127.0.0.0/8", ""},
	{"2002:808:808::5efe:10.0.0.1", "2002::/16", "it leads to 10.0.0.1, private (RFC 1918)"}, // with ISATAP behind it

	// Teredo, with a server of 65.54.227.120, and a client of 8.8.8.8, 127.0.0.1
	// or 192.168.1.1.
	{"2001:0:4136:e378:8000:63bf:f7f7:f7f7", "", "IPv4 by Teredo (RFC 4380)"},
	{"2001:0:4136:e378:8000:63bf:f7f7:f7f7", "2001::/32", ""},
	{"2001:0:4136:e378:8000:63bf:80ff:fffe", "", "IPv4 by Teredo (RFC 4380)"},
	{"2001:0:4136:e378:8000:63bf:80ff:fffe", "2001::/32", "it leads to 127.0.0.1, loopback (RFC 1122)"},
	{"2001:0:4136:e378:8000:63bf:80ff:fffe", "127.0.0.0/8", "IPv4 by Teredo (RFC 4380)"},
	{"2001:0:4136:e378:8000:63bf:80ff:fffe", "2001::/32 127.0.0.0/8", ""},
	{"2001:0:4136:e378:8000:63bf:3f57:fefe", "2001::/32", "it leads to 192.168.1.1, private (RFC 1918)"},
	{"2001:0:7f00:1:8000:63bf:f7f7:f7f7", "2001::/32", "it leads to 127.0.0.1, loopback (RFC 1122)"}, // its server

	// ISATAP, in a prefix that is public and in some that are not.
	{"2606:4700::5efe:8.8.8.8", "", ""},
	{"2606:4700::200:5efe:8.8.8.8", "", ""},
	{"2606:4700::5efe:127.0.0.1", "", "it leads to 127.0.0.1, loopback (RFC 1122)"},
	{"2606:4700::200:5efe:127.0.0.1", "", "it leads to 127.0.0.1, loopback (RFC 1122)"},
	{"2606:4700::200:5efe:a9fe:a9fe", "", "it leads to 169.254.169.254, the metadata of a cloud"},
	{"2606:4700::5efe:10.0.0.1", "2606:4700::/32", "it leads to 10.0.0.1, private (RFC 1918)"},
	{"2606:4700::5efe:10.0.0.1", "10.0.0.0/8", "it leads to 10.0.0.1, private (RFC 1918)"},
	{"2606:4700::5efe:10.0.0.1", "2606:4700::/32 10.0.0.0/8", ""},
	{"2606:4700::300:5efe:10.0.0.1", "", ""}, // no ISATAP: a group
	{"2606:4700::5eff:10.0.0.1", "", ""},
	{"fd00::5efe:8.8.8.8", "", "private (RFC 4193)"},
	{"fd00::5efe:8.8.8.8", "fd00::/8", ""},
	{"fd00::200:5efe:10.0.0.1", "fd00::/8", "it leads to 10.0.0.1, private (RFC 1918)"},
	{"fe80::5efe:10.0.0.1%eth0", "fe80::/10", "it leads to 10.0.0.1, private (RFC 1918)"},
	{"fe80::5efe:10.0.0.1%eth0", "fe80::/10 10.0.0.0/8", ""},
	{"64:ff9b:1:1212::5efe:10.0.0.1", "64:ff9b:1:1212:0:5efe::/96", "it leads to 10.0.0.1, private (RFC 1918)"},

	// IPv4-compatible, of which :: and ::1 are none.
	{"::8.8.8.8", "", "IPv4-compatible (RFC 4291)"},
	{"::8.8.8.8", "::/96", ""},
	{"::10.0.0.1", "::/96", "it leads to 10.0.0.1, private (RFC 1918)"},
	{"::10.0.0.1", "10.0.0.0/8", "IPv4-compatible (RFC 4291)"},
	{"::10.0.0.1", "::/96 10.0.0.0/8", ""},
	{"::1", "::1/128", ""},
	{"::", "::/128", ""},

	// IPv4-translated.
	{"::ffff:0:8.8.8.8", "", "IPv4-translated (RFC 2765)"},
	{"::ffff:0:8.8.8.8", "::ffff:0:0:0/96", ""},
	{"::ffff:0:10.0.0.1", "", "IPv4-translated (RFC 2765)"},
	{"::ffff:0:10.0.0.1", "::ffff:0:0:0/96", "it leads to 10.0.0.1, private (RFC 1918)"},
	{"::ffff:0:10.0.0.1", "10.0.0.0/8", "IPv4-translated (RFC 2765)"},
	{"::ffff:0:10.0.0.1", "::ffff:0:0:0/96 10.0.0.0/8", ""},

	// None of these forms, whatever their bytes look like.
	{"2606:4700::127.0.0.1", "", ""},
	{"2606:4700::ffff:127.0.0.1", "", ""},
	{"2606:4700:64:ff9b::127.0.0.1", "", ""},
}

func TestCarriers(t *testing.T) {
	for _, test := range carriers {
		addr := netip.MustParseAddr(test.addr)
		err := allowing(test.listed).Check(addr)
		if test.reason == "" {
			if err != nil {
				t.Errorf("%s, with %q listed: %v", test.addr, test.listed, err)
			}
			continue
		}
		var got *BlockedError
		if !errors.As(err, &got) || got.Addr != addr || got.Reason != test.reason {
			t.Errorf("%s, with %q listed: %v, not because %s", test.addr, test.listed, err, test.reason)
		}
	}
}

// A form writes an IPv4 address over some bytes of an IPv6 address, and the rest
// of the form over others.
type form struct {
	name   string
	public bool   // where both addresses are
	listed string // prefixes that allow all of the form
	write  func(b *[16]byte, v4 [4]byte)
}

// starts overwrites the start of an address with that of another.
func starts(b *[16]byte, addr string, n int) {
	a := netip.MustParseAddr(addr).As16()
	copy(b[:n], a[:])
}

// Where the length of a network's prefix puts an address (RFC 6052, section 2.2).
func translate(length int) func(*[16]byte, [4]byte) {
	return func(b *[16]byte, v4 [4]byte) {
		starts(b, "64:ff9b:1::", 6)
		i := length / 8
		for _, octet := range v4 {
			if i == 8 {
				i++
			}
			b[i] = octet
			i++
		}
	}
}

func ending(addr string) func(*[16]byte, [4]byte) {
	return func(b *[16]byte, v4 [4]byte) {
		starts(b, addr, 12)
		copy(b[12:], v4[:])
	}
}

func isatap(flags byte) func(*[16]byte, [4]byte) {
	return func(b *[16]byte, v4 [4]byte) {
		copy(b[8:], []byte{flags, 0, 0x5e, 0xfe})
		copy(b[12:], v4[:])
	}
}

var forms = []form{
	{"mapped", true, "", ending("::ffff:0:0")},
	{"NAT64", true, "64:ff9b::/96", ending("64:ff9b::")},
	{"local NAT64 of 48", false, "64:ff9b:1::/48", translate(48)},
	{"local NAT64 of 56", false, "64:ff9b:1::/48", translate(56)},
	{"local NAT64 of 64", false, "64:ff9b:1::/48", translate(64)},
	{"local NAT64 of 96", false, "64:ff9b:1::/48", translate(96)},
	{"local NAT64 of 96, zeros", false, "64:ff9b:1::/96", ending("64:ff9b:1::")},
	{"6to4", false, "2002::/16", func(b *[16]byte, v4 [4]byte) {
		starts(b, "2002::", 2)
		copy(b[2:], v4[:])
	}},
	{"Teredo's server", false, "2001::/32", func(b *[16]byte, v4 [4]byte) {
		starts(b, "2001::", 4)
		copy(b[4:], v4[:])
	}},
	{"Teredo's client", false, "2001::/32", func(b *[16]byte, v4 [4]byte) {
		starts(b, "2001::", 4)
		for i := range v4 {
			b[12+i] = v4[i] ^ 0xff
		}
	}},
	{"compatible", false, "::/96", ending("::")},
	{"translated", false, "::ffff:0:0:0/96", ending("::ffff:0:0:0")},
	{"ISATAP", true, "::/0", isatap(0)},
	{"ISATAP, universal", true, "::/0", isatap(2)},
}

// checkForms has an IPv4 address carried by each form, in the rest of an address
// that is given.
func checkForms(t *testing.T, v4 [4]byte, rest [16]byte) {
	carried := netip.AddrFrom4(v4)
	blocked := Guard{}.Check(carried) != nil
	for _, f := range forms {
		b := rest
		f.write(&b, v4)
		addr := netip.AddrFrom16(b)
		if addr == netip.IPv6Unspecified() || addr == netip.IPv6Loopback() {
			continue // addresses of their own, and no IPv4-compatible ones
		}
		plain := Guard{}.Check(addr)
		if blocked || !f.public {
			if plain == nil {
				t.Errorf("%s: %v passes", f.name, addr)
			}
		} else if addrspace.Special(addr.Unmap()) == "" && plain != nil {
			t.Errorf("%s: %v", f.name, plain)
		}
		if err := allowing(f.listed).Check(addr); blocked && err == nil {
			t.Errorf("%s: %v passes with %s listed", f.name, addr, f.listed)
		}
		if err := (Guard{Allow: []netip.Prefix{netip.PrefixFrom(carried, 32)}}).Check(addr); f.name != "mapped" && (blocked || !f.public) && err == nil {
			t.Errorf("%s: %v passes with %v listed", f.name, addr, carried)
		}
	}
}

// TestForms has each form carry the IPv4 addresses at both ends of each block
// that is not public, and what is next to them.
func TestForms(t *testing.T) {
	tried := 0
	for _, s := range addrspace.Blocks {
		if !s.Prefix.Addr().Is4() {
			continue
		}
		first := s.Prefix.Addr().As4()
		last := binary.BigEndian.Uint32(first[:]) | uint32(1<<(32-s.Prefix.Bits())-1)
		for _, n := range []uint32{last - 1, last, last + 1, binary.BigEndian.Uint32(first[:]) - 1, binary.BigEndian.Uint32(first[:])} {
			for _, rest := range []string{"2606:4700::1111", "2a12:3456:789a:bcde:f012:3456:789a:bcde", "fd00::1"} {
				tried++
				checkForms(t, [4]byte(binary.BigEndian.AppendUint32(nil, n)), netip.MustParseAddr(rest).As16())
			}
		}
	}
	if tried < 300 {
		t.Errorf("%d addresses were tried", tried)
	}
}

func FuzzForms(f *testing.F) {
	for _, test := range blocked {
		if addr := netip.MustParseAddr(test.addr).Unmap(); addr.Is4() {
			v4 := addr.As4()
			f.Add(binary.BigEndian.Uint32(v4[:]), uint64(0x2a12_3456_789a_bcde), uint64(0xf012_3456_789a_bcde))
		}
	}
	f.Fuzz(func(t *testing.T, v4 uint32, high, low uint64) {
		var rest [16]byte
		binary.BigEndian.PutUint64(rest[:], high)
		binary.BigEndian.PutUint64(rest[8:], low)
		checkForms(t, [4]byte(binary.BigEndian.AppendUint32(nil, v4)), rest)
	})
}
