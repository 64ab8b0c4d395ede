//go:build !plan9

// On Plan 9 a dialer has no say about the addresses it connects to, so there
// this package doesn't compile, rather than compile without its guard.

package emitter

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"syscall"
)

// A Guard keeps attempts away from addresses that are not public, so that
// nobody who may enter a URL can reach what only the sender can: services on
// its own host and network, and the metadata of its cloud (server-side request
// forgery). The zero value is on.
//
// It judges the address of each socket, right before the socket connects. What
// a name resolved to earlier, or will resolve to next, doesn't matter. With a
// [Client.Proxy] that is not possible; see there.
//
// Public is what the special-purpose registries of IANA don't set apart
// (RFC 6890). An IPv6 address that carries an IPv4 address leads to that one,
// so both are judged:
//
//	form                                     public
//	::ffff:a.b.c.d, IPv4-mapped              if a.b.c.d is
//	64:ff9b::a.b.c.d, NAT64 (RFC 6052)       if a.b.c.d is
//	…::0:5efe:a.b.c.d, ISATAP (RFC 5214),    if its prefix and a.b.c.d are
//	and …::200:5efe:a.b.c.d
//	64:ff9b:1::/48, NAT64 (RFC 8215)         never: it is for local use
//	2002::/16, 6to4 (RFC 3056)               never: the tunnel is deprecated
//	2001::/32, Teredo (RFC 4380)             never: its public servers are gone
//	::a.b.c.d, IPv4-compatible (RFC 4291)    never: the form is deprecated
//	::ffff:0:a.b.c.d, SIIT (RFC 2765)        never: the form is obsolete
//
// What it can't know is which public addresses lead back inside: NAT64 by a
// prefix of the network's own outside these blocks, 6rd (RFC 5969), and ports
// that a router forwards. Where a sender's network has such ways, a firewall
// has to keep the sender from them.
type Guard struct {
	// Allow lists addresses that attempts may go to although they are not
	// public. An IPv4 prefix also holds for the IPv4-mapped form of its
	// addresses. For any other form that carries an IPv4 address which is not
	// public, both have to be listed: 64:ff9b::/96 alone doesn't open
	// 64:ff9b::127.0.0.1, and neither does 127.0.0.0/8 alone.
	//
	// Where in 64:ff9b:1::/48 the IPv4 address stands depends on the length of
	// the network's own prefix (RFC 6052, section 2.2). List that prefix if it
	// has 96 bits. Under a shorter one the guard judges each place where an
	// IPv4 address can stand; as some of them usually hold zeros, little
	// passes.
	Allow []netip.Prefix

	// InsecureAllowAll switches the guard off. Whoever may enter a URL can
	// then send requests to whatever this process can reach.
	InsecureAllowAll bool
}

// A BlockedError says that the guard kept an attempt from an address.
type BlockedError struct {
	Addr netip.Addr
	// Reason says what the address is, such as "loopback (RFC 1122)".
	Reason string
}

func (e *BlockedError) Error() string {
	return fmt.Sprintf("%s is not a public address: %s", e.Addr, e.Reason)
}

// Check returns nil for an address that attempts may go to, and a
// *[BlockedError] for any other.
func (g Guard) Check(addr netip.Addr) error {
	if g.InsecureAllowAll {
		return nil
	}
	bare := addr.Unmap().WithZone("")
	listed := g.lists(bare, 0)
	reason := special(bare)
	if reason == "" && addr.Zone() != "" {
		reason = "one of a link of this host (RFC 4007)"
	}
	if reason != "" && !listed {
		return &BlockedError{Addr: addr, Reason: reason}
	}
	for _, v4 := range g.carried(bare) {
		if what := special(v4); what != "" && !(listed && g.lists(v4, 0)) {
			return &BlockedError{Addr: addr, Reason: fmt.Sprintf("it leads to %s, %s", v4, what)}
		}
	}
	return nil
}

// lists tells whether Allow has a prefix of at least so many bits that contains
// an address.
func (g Guard) lists(bare netip.Addr, bits int) bool {
	return slices.ContainsFunc(g.Allow, func(p netip.Prefix) bool { return p.Bits() >= bits && contains(p, bare) })
}

// carried returns the IPv4 addresses that an IPv6 address may lead to.
func (g Guard) carried(bare netip.Addr) []netip.Addr {
	if !bare.Is6() {
		return nil
	}
	b := bare.As16()
	var found []netip.Addr
	carries := func(b0, b1, b2, b3 byte) { found = append(found, netip.AddrFrom4([4]byte{b0, b1, b2, b3})) }
	switch {
	case bare == netip.IPv6Unspecified(), bare == netip.IPv6Loopback(): // in the block of IPv4-compatible
	case nat64.Contains(bare), compatible.Contains(bare), translated.Contains(bare):
		carries(b[12], b[13], b[14], b[15])
	case nat64Local.Contains(bare):
		if !g.lists(bare, 96) {
			// For a network's prefix of 48, 56 and 64 bits. Byte 8 is always 0.
			carries(b[6], b[7], b[9], b[10])
			carries(b[7], b[9], b[10], b[11])
			carries(b[9], b[10], b[11], b[12])
		}
		carries(b[12], b[13], b[14], b[15])
	case sixToFour.Contains(bare):
		carries(b[2], b[3], b[4], b[5])
	case teredo.Contains(bare):
		carries(b[4], b[5], b[6], b[7])         // the server
		carries(^b[12], ^b[13], ^b[14], ^b[15]) // the client
	}
	if b[8]&^2 == 0 && b[9] == 0 && b[10] == 0x5e && b[11] == 0xfe { // ISATAP, which goes with any prefix
		carries(b[12], b[13], b[14], b[15])
	}
	return found
}

// CheckURL judges the URL of an endpoint as far as that can be done without
// resolving its host, so that settings can be refused when they are made. It
// returns an *[EndpointError] for a URL that no attempt can be made to, a
// *[BlockedError] for one whose host is an address that the guard blocks, and
// nil otherwise. A name passes: what it stands for is judged at each attempt.
func (g Guard) CheckURL(rawURL string) error {
	u, err := parseURL(rawURL)
	if err != nil {
		return err
	}
	if addr, err := netip.ParseAddr(u.Hostname()); err == nil {
		return g.Check(addr)
	}
	return nil
}

// checkHost judges the host of an endpoint that a proxy connects to: its address,
// or all addresses of its name.
func (g Guard) checkHost(ctx context.Context, resolver *net.Resolver, host string) error {
	if g.InsecureAllowAll {
		return nil
	}
	addrs := make([]netip.Addr, 1)
	var err error
	if addrs[0], err = netip.ParseAddr(host); err != nil {
		if addrs, err = resolver.LookupNetIP(ctx, "ip", host); err != nil {
			return err
		}
	}
	for _, addr := range addrs {
		if err := g.Check(addr); err != nil {
			return err
		}
	}
	return nil
}

// control is a [net.Dialer]'s ControlContext. The dialer calls it with the very
// address that it then connects the socket to.
func (g Guard) control(_ context.Context, _, address string, _ syscall.RawConn) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("the guard can't tell what address %q is: %w", address, err)
	}
	return g.Check(to.Addr())
}

// contains also takes a prefix that is written in IPv4-mapped form.
func contains(p netip.Prefix, bare netip.Addr) bool {
	if p.Addr().Is4In6() && p.Bits() >= 96 {
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	return p.Contains(bare)
}

// special says what an address is that is not public, and is empty for one that
// is.
func special(addr netip.Addr) string {
	for _, s := range specials {
		if s.prefix.Contains(addr) {
			return s.what
		}
	}
	if addr.Is6() && !globalUnicast.Contains(addr) && !nat64.Contains(addr) {
		return "outside the global unicast space (RFC 4291)"
	}
	if !addr.IsValid() {
		return "no address"
	}
	return ""
}

// globalUnicast is all of IPv6 that may be public, beside nat64.
var globalUnicast = netip.MustParsePrefix("2000::/3")

// The blocks of IPv6 that carry IPv4 addresses.
var (
	compatible = netip.MustParsePrefix("::/96")
	translated = netip.MustParsePrefix("::ffff:0:0:0/96")
	nat64      = netip.MustParsePrefix("64:ff9b::/96")
	nat64Local = netip.MustParsePrefix("64:ff9b:1::/48")
	teredo     = netip.MustParsePrefix("2001::/32")
	sixToFour  = netip.MustParsePrefix("2002::/16")
)

// specials are the IANA special-purpose address registries for IPv4 and IPv6
// (RFC 6890), along with multicast and what else is not for strangers. Of
// several that hold an address, the first says what it is.
//
// Some of the registries' blocks are reachable from everywhere, but no
// endpoint is there. The same goes for the blocks that carry IPv4 addresses in
// IPv6, but for nat64, by which a host without IPv4 reaches all of it.
var specials = []struct {
	prefix netip.Prefix
	what   string
}{
	{netip.MustParsePrefix("0.0.0.0/32"), "unspecified (RFC 1122)"},
	{netip.MustParsePrefix("0.0.0.0/8"), "this network (RFC 791)"},
	{netip.MustParsePrefix("10.0.0.0/8"), "private (RFC 1918)"},
	{netip.MustParsePrefix("100.100.100.200/32"), "the metadata of a cloud"},
	{netip.MustParsePrefix("100.64.0.0/10"), "shared by customers of a provider (RFC 6598)"},
	{netip.MustParsePrefix("127.0.0.0/8"), "loopback (RFC 1122)"},
	{netip.MustParsePrefix("168.63.129.16/32"), "the metadata of a cloud"}, // public by number, yet inside Azure
	{netip.MustParsePrefix("169.254.169.254/32"), "the metadata of a cloud"},
	{netip.MustParsePrefix("169.254.0.0/16"), "link-local (RFC 3927)"},
	{netip.MustParsePrefix("172.16.0.0/12"), "private (RFC 1918)"},
	{netip.MustParsePrefix("192.0.0.192/32"), "the metadata of a cloud"},
	{netip.MustParsePrefix("192.0.0.0/24"), "for protocols of the IETF (RFC 6890)"},
	{netip.MustParsePrefix("192.0.2.0/24"), "for documentation (RFC 5737)"},
	{netip.MustParsePrefix("192.31.196.0/24"), "AS112 (RFC 7535)"},
	{netip.MustParsePrefix("192.52.193.0/24"), "multicast tunnels (RFC 7450)"},
	{netip.MustParsePrefix("192.88.99.0/24"), "6to4 relays (RFC 7526)"},
	{netip.MustParsePrefix("192.168.0.0/16"), "private (RFC 1918)"},
	{netip.MustParsePrefix("192.175.48.0/24"), "AS112 (RFC 7534)"},
	{netip.MustParsePrefix("198.18.0.0/15"), "for benchmarks (RFC 2544)"},
	{netip.MustParsePrefix("198.51.100.0/24"), "for documentation (RFC 5737)"},
	{netip.MustParsePrefix("203.0.113.0/24"), "for documentation (RFC 5737)"},
	{netip.MustParsePrefix("224.0.0.0/4"), "multicast (RFC 5771)"},
	{netip.MustParsePrefix("255.255.255.255/32"), "broadcast (RFC 919)"},
	{netip.MustParsePrefix("240.0.0.0/4"), "reserved (RFC 1112)"},

	{netip.MustParsePrefix("::/128"), "unspecified (RFC 4291)"},
	{netip.MustParsePrefix("::1/128"), "loopback (RFC 4291)"},
	{compatible, "IPv4-compatible (RFC 4291)"},
	{translated, "IPv4-translated (RFC 2765)"},
	{nat64Local, "IPv4 by NAT64 (RFC 8215)"},
	{netip.MustParsePrefix("100::/64"), "for discarding (RFC 6666)"},
	{netip.MustParsePrefix("100:0:0:1::/64"), "a dummy (RFC 9780)"},
	{teredo, "IPv4 by Teredo (RFC 4380)"},
	{netip.MustParsePrefix("2001:2::/48"), "for benchmarks (RFC 5180)"},
	{netip.MustParsePrefix("2001::/23"), "for protocols of the IETF (RFC 2928)"},
	{netip.MustParsePrefix("2001:db8::/32"), "for documentation (RFC 3849)"},
	{sixToFour, "IPv4 by 6to4 (RFC 3056)"},
	{netip.MustParsePrefix("2620:4f:8000::/48"), "AS112 (RFC 7534)"},
	{netip.MustParsePrefix("3fff::/20"), "for documentation (RFC 9637)"},
	{netip.MustParsePrefix("5f00::/16"), "for segment routing (RFC 9602)"},
	{netip.MustParsePrefix("fd00:ec2::/32"), "the metadata of a cloud"},
	{netip.MustParsePrefix("fd20:ce::/32"), "the metadata of a cloud"},
	{netip.MustParsePrefix("fc00::/7"), "private (RFC 4193)"},
	{netip.MustParsePrefix("fe80::/10"), "link-local (RFC 4291)"},
	{netip.MustParsePrefix("fec0::/10"), "site-local (RFC 3879)"},
	{netip.MustParsePrefix("ff00::/8"), "multicast (RFC 4291)"},
}
