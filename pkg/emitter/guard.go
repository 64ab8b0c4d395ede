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

	"github.com/runhooks/runhooks/internal/addrspace"
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
// Public is every address that the special-purpose registries of IANA don't list (RFC
// 6890). An IPv6 address that carries an IPv4 address leads to that one, so both are
// judged:
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
// It can't know which public addresses lead back inside: NAT64 by a prefix of the network's
// own outside these blocks, 6rd (RFC 5969), and ports that a router forwards. Where a
// sender's network has such ways, a firewall has to keep the sender from them.
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
	reason := addrspace.Special(bare)
	if reason == "" && addr.Zone() != "" {
		reason = "one of a link of this host (RFC 4007)"
	}
	if reason != "" && !listed {
		return &BlockedError{Addr: addr, Reason: reason}
	}
	for _, v4 := range addrspace.Carried(bare, g.lists(bare, 96)) {
		if what := addrspace.Special(v4); what != "" && !(listed && g.lists(v4, 0)) {
			return &BlockedError{Addr: addr, Reason: fmt.Sprintf("it leads to %s, %s", v4, what)}
		}
	}
	return nil
}

// lists reports whether Allow has a prefix of at least so many bits that contains
// an address.
func (g Guard) lists(bare netip.Addr, bits int) bool {
	return slices.ContainsFunc(g.Allow, func(p netip.Prefix) bool { return p.Bits() >= bits && contains(p, bare) })
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
