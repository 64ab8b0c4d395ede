//go:build !plan9

// On Plan 9 a dialer has no say about the addresses it connects to, so there
// this package doesn't compile, rather than compile without its guard.

package emitter

import (
	"context"
	"fmt"
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
// a name resolved to earlier, or will resolve to next, doesn't matter.
//
// What it can't know is which public addresses lead back inside, such as those
// of a NAT64 prefix that is a network's own. Keep such networks from a sender by
// a firewall.
type Guard struct {
	// Allow lists addresses that attempts may go to although they are not
	// public. An IPv4 prefix holds for the IPv4-mapped form of its addresses,
	// too, and for no other way of writing them in IPv6.
	Allow []netip.Prefix

	// InsecureAllowAll switches the guard off. Whoever may enter a URL can
	// then send requests to whatever this process can reach.
	InsecureAllowAll bool
}

// A BlockedError tells that the guard kept an attempt from an address.
type BlockedError struct {
	Addr netip.Addr
	// Reason says what the address is, such as "loopback (RFC 1122)".
	Reason string
}

func (e *BlockedError) Error() string {
	return fmt.Sprintf("%s is not a public address: %s", e.Addr, e.Reason)
}

// Check gives nil for an address that attempts may go to, and a *[BlockedError]
// for any other.
func (g Guard) Check(addr netip.Addr) error {
	if g.InsecureAllowAll {
		return nil
	}
	bare := addr.Unmap().WithZone("")
	reason := special(bare)
	if reason == "" && addr.Zone() != "" {
		reason = "one of a link of this host (RFC 4007)"
	}
	if reason == "" || slices.ContainsFunc(g.Allow, func(p netip.Prefix) bool { return contains(p, bare) }) {
		return nil
	}
	return &BlockedError{Addr: addr, Reason: reason}
}

// CheckURL judges the URL of an endpoint as far as that can be done without
// resolving its host, so that settings can be refused when they are made. It
// gives an *[EndpointError] for a URL that no attempt can be made to, a
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
	if addr.Is6() && !globalUnicast.Contains(addr) {
		return "outside the global unicast space (RFC 4291)"
	}
	if !addr.IsValid() {
		return "no address"
	}
	return ""
}

// globalUnicast is all of IPv6 that may be public.
var globalUnicast = netip.MustParsePrefix("2000::/3")

// specials are the IANA special-purpose address registries for IPv4 and IPv6
// (RFC 6890), along with multicast and what else is not for strangers. Of
// several that hold an address, the first says what it is.
//
// Some of the registries' blocks are reachable from everywhere, but no
// endpoint is there. Blocks that carry IPv4 addresses in IPv6 are here whatever
// they carry: where a translator or tunnel exists, it leads around the rest of
// this table.
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
	{netip.MustParsePrefix("::/96"), "IPv4-compatible (RFC 4291)"},
	{netip.MustParsePrefix("::ffff:0:0:0/96"), "IPv4-translated (RFC 2765)"},
	{netip.MustParsePrefix("64:ff9b::/96"), "IPv4 by NAT64 (RFC 6052)"},
	{netip.MustParsePrefix("64:ff9b:1::/48"), "IPv4 by NAT64 (RFC 8215)"},
	{netip.MustParsePrefix("100::/64"), "for discarding (RFC 6666)"},
	{netip.MustParsePrefix("100:0:0:1::/64"), "a dummy (RFC 9780)"},
	{netip.MustParsePrefix("2001::/32"), "IPv4 by Teredo (RFC 4380)"},
	{netip.MustParsePrefix("2001:2::/48"), "for benchmarks (RFC 5180)"},
	{netip.MustParsePrefix("2001::/23"), "for protocols of the IETF (RFC 2928)"},
	{netip.MustParsePrefix("2001:db8::/32"), "for documentation (RFC 3849)"},
	{netip.MustParsePrefix("2002::/16"), "IPv4 by 6to4 (RFC 3056)"},
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
