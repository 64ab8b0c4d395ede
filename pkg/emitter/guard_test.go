package emitter

import (
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/runhooks/runhooks/internal/addrspace"
)

// Addresses that are not public, each with the prefixes that let it through.
var blocked = []struct{ addr, listed, reason string }{
	{"0.0.0.0", "0.0.0.0/32", "unspecified (RFC 1122)"},
	{"0.0.0.1", "0.0.0.0/8", "this network (RFC 791)"},
	{"0.255.255.255", "0.0.0.0/8", "this network (RFC 791)"},
	{"10.0.0.0", "10.0.0.0/8", "private (RFC 1918)"},
	{"10.1.2.3", "10.1.0.0/16", "private (RFC 1918)"},
	{"10.255.255.255", "10.255.255.255/32", "private (RFC 1918)"},
	{"100.64.0.1", "100.64.0.0/10", "shared by customers of a provider (RFC 6598)"},
	{"100.127.255.255", "100.64.0.0/10", "shared by customers of a provider (RFC 6598)"},
	{"100.100.100.200", "100.100.100.200/32", "the metadata of a cloud"}, // Alibaba
	{"127.0.0.1", "127.0.0.1/32", "loopback (RFC 1122)"},
	{"127.0.0.53", "127.0.0.0/8", "loopback (RFC 1122)"},
	{"127.1.1.1", "127.0.0.0/8", "loopback (RFC 1122)"},
	{"127.255.255.255", "127.0.0.0/8", "loopback (RFC 1122)"},
	{"168.63.129.16", "168.63.129.16/32", "the metadata of a cloud"},     // Azure
	{"169.254.169.254", "169.254.169.254/32", "the metadata of a cloud"}, // nearly all
	{"169.254.170.2", "169.254.0.0/16", "link-local (RFC 3927)"},         // credentials in AWS ECS
	{"169.254.169.253", "169.254.0.0/16", "link-local (RFC 3927)"},       // resolver in AWS
	{"169.254.0.1", "169.254.0.0/16", "link-local (RFC 3927)"},
	{"172.16.0.1", "172.16.0.0/12", "private (RFC 1918)"},
	{"172.17.0.1", "172.17.0.0/16", "private (RFC 1918)"}, // the host, in Docker
	{"172.31.255.255", "172.16.0.0/12", "private (RFC 1918)"},
	{"192.0.0.1", "192.0.0.0/24", "for protocols of the IETF (RFC 6890)"},
	{"192.0.0.170", "192.0.0.0/24", "for protocols of the IETF (RFC 6890)"},
	{"192.0.0.192", "192.0.0.192/32", "the metadata of a cloud"}, // Oracle
	{"192.0.2.1", "192.0.2.0/24", "for documentation (RFC 5737)"},
	{"192.31.196.1", "192.31.196.0/24", "AS112 (RFC 7535)"},
	{"192.52.193.1", "192.52.193.0/24", "multicast tunnels (RFC 7450)"},
	{"192.88.99.1", "192.88.99.0/24", "6to4 relays (RFC 7526)"},
	{"192.168.0.1", "192.168.0.0/16", "private (RFC 1918)"},
	{"192.168.255.255", "192.168.0.0/16", "private (RFC 1918)"},
	{"192.175.48.1", "192.175.48.0/24", "AS112 (RFC 7534)"},
	{"198.18.0.1", "198.18.0.0/15", "for benchmarks (RFC 2544)"},
	{"198.19.255.255", "198.18.0.0/15", "for benchmarks (RFC 2544)"},
	{"198.51.100.7", "198.51.100.0/24", "for documentation (RFC 5737)"},
	{"203.0.113.7", "203.0.113.0/24", "for documentation (RFC 5737)"},
	{"224.0.0.1", "224.0.0.0/4", "multicast (RFC 5771)"},
	{"239.255.255.250", "239.0.0.0/8", "multicast (RFC 5771)"}, // SSDP
	{"240.0.0.1", "240.0.0.0/4", "reserved (RFC 1112)"},
	{"255.255.255.254", "240.0.0.0/4", "reserved (RFC 1112)"},
	{"255.255.255.255", "255.255.255.255/32", "broadcast (RFC 919)"},

	{"::", "::/128", "unspecified (RFC 4291)"},
	{"::1", "::1/128", "loopback (RFC 4291)"},
	{"::2", "::/96 0.0.0.0/8", "IPv4-compatible (RFC 4291)"},
	{"::127.0.0.1", "::/96 127.0.0.0/8", "IPv4-compatible (RFC 4291)"},
	{"::169.254.169.254", "::/96 169.254.0.0/16", "IPv4-compatible (RFC 4291)"},
	{"::8.8.8.8", "::/96", "IPv4-compatible (RFC 4291)"},
	{"::ffff:127.0.0.1", "127.0.0.0/8", "loopback (RFC 1122)"},
	{"::ffff:127.0.0.1", "::ffff:127.0.0.0/104", "loopback (RFC 1122)"},
	{"::ffff:7f00:1", "127.0.0.0/8", "loopback (RFC 1122)"},
	{"::ffff:10.0.0.1", "10.0.0.0/8", "private (RFC 1918)"},
	{"::ffff:169.254.169.254", "169.254.169.254/32", "the metadata of a cloud"},
	{"::ffff:a9fe:a9fe", "::ffff:0:0/96", "the metadata of a cloud"},
	{"::ffff:0.0.0.0", "0.0.0.0/8", "unspecified (RFC 1122)"},
	{"::ffff:0:127.0.0.1", "::ffff:0:0:0/96 127.0.0.1/32", "IPv4-translated (RFC 2765)"},
	{"::1:0:0:1", "::/16", "outside the global unicast space (RFC 4291)"},
	{"64:ff9b::127.0.0.1", "64:ff9b::/96 127.0.0.0/8", "it leads to 127.0.0.1, loopback (RFC 1122)"},
	{"64:ff9b::a9fe:a9fe", "64:ff9b::/96 169.254.169.254/32", "it leads to 169.254.169.254, the metadata of a cloud"},
	{"64:ff9b:1::10.0.0.1", "64:ff9b:1::/96 10.0.0.0/8", "IPv4 by NAT64 (RFC 8215)"},
	{"100::1", "100::/64", "for discarding (RFC 6666)"},
	{"100:0:0:1::1", "100:0:0:1::/64", "a dummy (RFC 9780)"},
	{"200::1", "200::/7", "outside the global unicast space (RFC 4291)"},
	{"2001::7f00:1", "2001::/32 0.0.0.0/32", "IPv4 by Teredo (RFC 4380)"},
	{"2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001::/32 192.0.2.45/32", "IPv4 by Teredo (RFC 4380)"},
	{"2001:1::1", "2001:1::/32", "for protocols of the IETF (RFC 2928)"},
	{"2001:2::1", "2001:2::/48", "for benchmarks (RFC 5180)"},
	{"2001:10::1", "2001:10::/28", "for protocols of the IETF (RFC 2928)"}, // ORCHID
	{"2001:20::1", "2001:20::/28", "for protocols of the IETF (RFC 2928)"}, // ORCHIDv2
	{"2001:1ff:ffff::1", "2001::/23", "for protocols of the IETF (RFC 2928)"},
	{"2001:db8::1", "2001:db8::/32", "for documentation (RFC 3849)"},
	{"2002:7f00:1::", "2002::/16 127.0.0.0/8", "IPv4 by 6to4 (RFC 3056)"},
	{"2002:a9fe:a9fe::1", "2002::/16 169.254.0.0/16", "IPv4 by 6to4 (RFC 3056)"},
	{"2002:0808:0808::1", "2002::/16", "IPv4 by 6to4 (RFC 3056)"},
	{"2620:4f:8000::1", "2620:4f:8000::/48", "AS112 (RFC 7534)"},
	{"3fff::1", "3fff::/20", "for documentation (RFC 9637)"},
	{"4000::1", "4000::/3", "outside the global unicast space (RFC 4291)"},
	{"5f00::1", "5f00::/16", "for segment routing (RFC 9602)"},
	{"fc00::1", "fc00::/7", "private (RFC 4193)"},
	{"fd00::1", "fd00::/8", "private (RFC 4193)"},
	{"fd00:ec2::254", "fd00:ec2::254/128", "the metadata of a cloud"}, // AWS
	{"fd20:ce::254", "fd20:ce::/32", "the metadata of a cloud"},       // Google
	{"fdff:ffff:ffff::1", "fc00::/7", "private (RFC 4193)"},
	{"fe80::1", "fe80::/10", "link-local (RFC 4291)"},
	{"fe80::1%eth0", "fe80::/10", "link-local (RFC 4291)"},
	{"febf::1%1", "fe80::/10", "link-local (RFC 4291)"},
	{"fec0::1", "fec0::/10", "site-local (RFC 3879)"},
	{"ff02::1", "ff00::/8", "multicast (RFC 4291)"},
	{"ff02::1%lo", "ff02::/16", "multicast (RFC 4291)"},
	{"ff0e::1", "ff00::/8", "multicast (RFC 4291)"},
	{"2606:4700::1111%eth0", "2606:4700::/32", "one of a link of this host (RFC 4007)"},
}

// Addresses that are public, at the edges of those that are not.
var public = []string{
	"1.0.0.0", "1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0",
	"126.255.255.255", "128.0.0.0", "168.63.129.15", "169.253.255.255", "169.255.0.0", "172.15.255.255",
	"172.32.0.0", "191.255.255.255", "192.0.1.0", "192.0.3.0", "192.167.255.255", "192.169.0.0",
	"198.17.255.255", "198.20.0.0", "198.51.99.255", "203.0.114.0", "223.255.255.255",
	"::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2000::1", "2001:200::1", "2001:db7::1", "2001:db9::1", "2001:4860:4860::8888",
	"2003::1", "2606:4700::1111", "2a00:1450:4001::1", "3ffe:ffff::1",
}

// address returns what the dialer hands to the guard for an address that it is
// about to connect to.
func address(a string) string { return net.JoinHostPort(a, "443") }

// allowing returns a guard that allows prefixes, with a space between two.
func allowing(prefixes string) Guard {
	var g Guard
	for _, p := range strings.Fields(prefixes) {
		g.Allow = append(g.Allow, netip.MustParsePrefix(p))
	}
	return g
}

func TestGuard(t *testing.T) {
	if len(blocked) < 60 {
		t.Fatalf("the table has %d addresses", len(blocked))
	}
	everything := Guard{InsecureAllowAll: true}
	for _, test := range blocked {
		addr := netip.MustParseAddr(test.addr)
		listed := allowing("192.0.2.128/25 " + test.listed)
		others := allowing("192.0.2.128/25 fe80::ffff/128")
		for _, g := range []Guard{{}, others} {
			err := g.control(t.Context(), "tcp", address(test.addr), nil)
			var got *BlockedError
			if !errors.As(err, &got) || got.Addr != addr || got.Reason != test.reason {
				t.Errorf("%s: %v, not because it is %s", test.addr, err, test.reason)
			}
		}
		for _, g := range []Guard{listed, everything} {
			if err := g.control(t.Context(), "tcp", address(test.addr), nil); err != nil {
				t.Errorf("%s, with %v listed: %v", test.addr, g.Allow, err)
			}
		}
	}
	for _, addr := range public {
		if err := (Guard{}).control(t.Context(), "tcp", address(addr), nil); err != nil {
			t.Errorf("%s: %v", addr, err)
		}
	}
	for _, unclear := range []string{"", ":443", "127.0.0.1", "localhost:443", "[::1", "0x7f.1:443"} {
		if err := (Guard{}).control(t.Context(), "tcp", unclear, nil); err == nil {
			t.Errorf("%q passes", unclear)
		}
	}
	if err := (Guard{}).Check(netip.Addr{}); err == nil {
		t.Error("no address passes")
	}
}

// A prefix lists what it says and nothing else that leads there.
func TestGuardListsNoMore(t *testing.T) {
	g := Guard{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("10.0.0.0/8"), {}}}
	for _, addr := range []string{
		"::1", "::127.0.0.1", "64:ff9b::127.0.0.1", "64:ff9b::10.0.0.1", "2002:7f00:1::", "2002:a00:1::", "::ffff:0:10.0.0.1", "192.168.0.1",
	} {
		if g.Check(netip.MustParseAddr(addr)) == nil {
			t.Errorf("%s passes", addr)
		}
	}
}

// The table of special blocks: one that an earlier one covers would say nothing.
func TestSpecials(t *testing.T) {
	for i, s := range addrspace.Blocks {
		if s.Prefix != s.Prefix.Masked() {
			t.Errorf("%v has bits behind its length", s.Prefix)
		}
		for _, earlier := range addrspace.Blocks[:i] {
			if earlier.Prefix.Overlaps(s.Prefix) && earlier.Prefix.Bits() <= s.Prefix.Bits() {
				t.Errorf("%v is covered by %v", s.Prefix, earlier.Prefix)
			}
		}
	}
}

// URLs by which people have got around guards, and what is said of each.
var tricks = []struct{ url, want string }{
	{"http://127.0.0.1/", "127.0.0.1 is not a public address: loopback (RFC 1122)"},
	{"http://127.0.0.1:80/", "127.0.0.1 is not a public address: loopback (RFC 1122)"},
	{"http://[::1]/", "::1 is not a public address: loopback (RFC 4291)"},
	{"http://[::]:8080/", ":: is not a public address: unspecified (RFC 4291)"},
	{"http://[0:0:0:0:0:0:0:1]/", "::1 is not a public address: loopback (RFC 4291)"},
	{"http://[::ffff:127.0.0.1]/", "::ffff:127.0.0.1 is not a public address: loopback (RFC 1122)"},
	{"http://[::ffff:7f00:1]/", "::ffff:127.0.0.1 is not a public address: loopback (RFC 1122)"},
	{"http://[::ffff:169.254.169.254]/latest/", "::ffff:169.254.169.254 is not a public address: the metadata of a cloud"},
	{"http://[64:ff9b::169.254.169.254]/", "64:ff9b::a9fe:a9fe is not a public address: it leads to 169.254.169.254, the metadata of a cloud"},
	{"http://[fe80::1%25eth0]/", "fe80::1%eth0 is not a public address: link-local (RFC 4291)"},
	{"http://[fd00:ec2::254]/latest/meta-data/", "fd00:ec2::254 is not a public address: the metadata of a cloud"},

	{"http://2130706433/", `host "2130706433": write an IPv4 address as four`},
	{"http://017700000001/", `host "017700000001": write an IPv4 address as four`},
	{"http://0x7f000001/", `host "0x7f000001": write an IPv4 address as four`},
	{"http://0x7f.0.0.1/", `host "0x7f.0.0.1": write an IPv4 address as four`},
	{"http://0x7f.1/", `host "0x7f.1": write an IPv4 address as four`},
	{"http://127.0x1/", `host "127.0x1": write an IPv4 address as four`},
	{"http://127.0.0.0X1/", `host "127.0.0.0X1": write an IPv4 address as four`},
	{"http://127.0.0.0x/", `host "127.0.0.0x": write an IPv4 address as four`},
	{"http://0177.0.0.1/", `host "0177.0.0.1": write an IPv4 address as four`},
	{"http://127.0.0.01/", `host "127.0.0.01": write an IPv4 address as four`},
	{"http://127.1/", `host "127.1": write an IPv4 address as four`},
	{"http://127.0.1/", `host "127.0.1": write an IPv4 address as four`},
	{"http://0/", `host "0": write an IPv4 address as four`},
	{"http://0.0/", `host "0.0": write an IPv4 address as four`},
	{"http://256.0.0.1/", `host "256.0.0.1": write an IPv4 address as four`},
	{"http://127.0.0.1./", `host "127.0.0.1.": write an IPv4 address as four`},
	{"http://2130706433./", `host "2130706433.": write an IPv4 address as four`},
	{"http://127.0.0.1../", `host "127.0.0.1..": the parts of a name have`},
	{"http://.127.0.0.1/", `host ".127.0.0.1": the parts of a name have`},
	{"http://./", `host ".": the parts of a name have`},
	{"http://..../", `host "....": the parts of a name have`},
	{"http://１２７.０.０.１/", `host "１２７.０.０.１": write it in its ASCII form`},
	{"http://①②⑦.⓪.⓪.①/", `host "①②⑦.⓪.⓪.①": write it in its ASCII form`},
	{"http://127。0。0。1/", `host "127。0。0。1": write it in its ASCII form`},
	{"http://ⓛocalhost/", `host "ⓛocalhost": write it in its ASCII form`},
	{"http://local\u00adhost/", `: write it in its ASCII form`},
	{"http://%E2%91%A0.0.0.1/", `host "①.0.0.1": write it in its ASCII form`},
	{"http://%31%32%37.0.0.1/", "the URL can't be parsed"},
	{"http://127.0.0.1%00.example.com/", "the URL can't be parsed"},
	{"http://127.0.0.1%2eexample.com/", "the URL can't be parsed"},
	{"http://example.com%2f@127.0.0.1/", "the URL has user information"},
	{"http://example.com@127.0.0.1/", "the URL has user information"},
	{"http://example.com:80@127.0.0.1:80/", "the URL has user information"},
	{"http://@127.0.0.1/", "the URL has user information"},
	{"http://127.0.0.1:80:80/", "the URL can't be parsed"},
	{"http://127.0.0.1\\@example.com/", "the URL can't be parsed"},
	{"http://example.com\\.internal/", "the URL can't be parsed"},
	{"http://127.0.0.1\t/", "the URL can't be parsed"},
	{"http://example.com /", "the URL can't be parsed"},
	{"http://exa\nmple.com/", "the URL can't be parsed"},
	{"\x00http://example.com/", "the URL can't be parsed"},
	{" http://example.com/", "the URL can't be parsed"},
	{"http://127.0.0.1#@example.com/", "the URL has a fragment"},
	{"http://example.com/#", "the URL has a fragment"},
	{"http://example.com,127.0.0.1/", `host "example.com,127.0.0.1": a name has letters`},
	{"http://exam*ple.com/", `host "exam*ple.com": a name has letters`},
	{"http://$(id).example.com/", `host "$(id).example.com": a name has letters`},
	{"http://[127.0.0.1]/", "the URL can't be parsed"},
	{"http://[::1]x/", "the URL can't be parsed"},
	{"http://[::1%25]/", "the URL can't be parsed"},
	{"http://[fe80::1%eth0]/", "the URL can't be parsed"},
	{"http://::1/", "the URL can't be parsed"},
	{"http:///path", "the URL has no host"},
	{"http://:80/", "the URL has no host"},
	{"http:127.0.0.1", "the URL has no host"},
	{"http:/127.0.0.1", "the URL has no host"},
	{"//127.0.0.1/", `the URL has scheme ""`},
	{"127.0.0.1", `the URL has scheme ""`},
	{"", `the URL has scheme ""`},
	{"file:///etc/passwd", `the URL has scheme "file"`},
	{"gopher://127.0.0.1:6379/_x", `the URL has scheme "gopher"`},
	{"unix:///var/run/docker.sock", `the URL has scheme "unix"`},
	{"javascript:alert(1)", `the URL has scheme "javascript"`},
	{"http+unix://x/", `the URL has scheme "http+unix"`},
	{"http://example.com:0/", `the URL has port "0"`},
	{"http://example.com:/", `the URL has port ""`},
	{"http://example.com:65536/", `the URL has port "65536"`},
	{"http://example.com:99999999999999999999/", `the URL has port "99999999999999999999"`},
	{"http://example.com:-1/", "the URL can't be parsed"},
	{"http://" + strings.Repeat("a", 64) + ".com/", "the parts of a name have"},
	{"http://" + strings.Repeat("a.", 127) + "com/", "it is longer than a name can be"},
}

func TestTricks(t *testing.T) {
	for _, test := range tricks {
		err := Guard{}.CheckURL(test.url)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%q: %v, not %s", test.url, err, test.want)
			continue
		}
		// What is an address passes when it is listed; what is no URL never does.
		err = Guard{InsecureAllowAll: true}.CheckURL(test.url)
		var mistake *EndpointError
		if isAddress := strings.Contains(test.want, "public address"); isAddress != (err == nil) || err != nil && !errors.As(err, &mistake) {
			t.Errorf("%q, with all addresses allowed: %v", test.url, err)
		}
	}
	for _, url := range []string{
		"https://example.com", "HTTPS://Example.COM/a/b?c=d", "http://example.com.:8080/", "https://my_service.internal/",
		"https://localhost/", "https://xn--bcher-kva.example/", "https://1e100.net/", "https://0x7f.example/",
		"https://a--b.example/", "https://127.0.0.1.nip.io/", "http://8.8.8.8:65535/", "http://[2606:4700::1111]/",
	} {
		if err := (Guard{}).CheckURL(url); err != nil {
			t.Errorf("%q: %v", url, err)
		}
	}
}

func TestErrorsKeepSecrets(t *testing.T) {
	for _, url := range []string{
		"https://user:hunter2@example.com/hunter2", "https://example.com/hunter2#x", "https://example.com:0/hunter2", "https://exa mple.com/hunter2",
		"https://127.1/hunter2", "ftp://example.com/hunter2", "https:///hunter2",
	} {
		if err := (Guard{}).CheckURL(url); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: %v", url, err)
		}
	}
}

func FuzzGuard(f *testing.F) {
	for _, test := range blocked {
		f.Add(netip.MustParseAddr(test.addr).AsSlice())
	}
	for _, addr := range public {
		f.Add(netip.MustParseAddr(addr).AsSlice())
	}
	f.Fuzz(func(t *testing.T, bytes []byte) {
		addr, ok := netip.AddrFromSlice(bytes)
		if !ok {
			return
		}
		bare := addr.Unmap()
		passes := Guard{}.Check(addr) == nil
		if passes && (!bare.IsGlobalUnicast() || bare.IsPrivate()) {
			t.Errorf("%v passes", addr)
		}
		if passes != (Guard{}.Check(bare) == nil) || passes != (Guard{}.Check(netip.AddrFrom16(addr.As16())) == nil) {
			t.Errorf("%v passes in one form and not in another", addr)
		}
		alone := Guard{Allow: []netip.Prefix{netip.PrefixFrom(addr, addr.BitLen())}}
		if err := alone.Check(addr); err != nil && len(addrspace.Carried(bare, false)) == 0 {
			t.Errorf("listed: %v", err)
		}
		alone.Allow = append(alone.Allow, netip.MustParsePrefix("0.0.0.0/0"))
		if err := alone.Check(addr); err != nil {
			t.Errorf("listed with all of IPv4: %v", err)
		}
	})
}

func FuzzParseURL(f *testing.F) {
	for _, test := range tricks {
		f.Add(test.url)
	}
	f.Add("https://example.com:443/a?b=c")
	f.Fuzz(func(t *testing.T, raw string) {
		u, err := parseURL(raw)
		if err != nil {
			return
		}
		again, err := parseURL(u.String())
		if err != nil || again.Host != u.Host || again.Scheme != u.Scheme {
			t.Fatalf("%q is %q, which is %v, %v", raw, u, again, err)
		}
		host := u.Hostname()
		if _, err := netip.ParseAddr(host); err == nil {
			return
		}
		// It is a name, and nothing that a resolver could take for an address.
		labels := strings.Split(strings.TrimSuffix(strings.ToLower(host), "."), ".")
		if strings.Trim(host, ".0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_") != "" || slices.Contains(labels, "") {
			t.Errorf("%q has host %q", raw, host)
		}
		last := labels[len(labels)-1]
		if strings.Trim(last, "0123456789") == "" || strings.HasPrefix(last, "0x") && strings.Trim(last[2:], "0123456789abcdef") == "" {
			t.Errorf("%q has host %q", raw, host)
		}
	})
}
