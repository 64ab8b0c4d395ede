// Package addrspace says which IP addresses are not public, and what they are instead.
package addrspace

import "net/netip"

// Special says what an address without a zone is that is not public, such as "loopback
// (RFC 1122)". It returns "" for one that is public. An IPv4-mapped address has to be
// unmapped before.
func Special(addr netip.Addr) string {
	for _, s := range Blocks {
		if s.Prefix.Contains(addr) {
			return s.What
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

// Blocks are the IANA special-purpose address registries for IPv4 and IPv6
// (RFC 6890), along with multicast and what else is not for strangers. Of
// several that hold an address, the first says what it is.
//
// Some of the registries' blocks are reachable from everywhere, but no
// endpoint is there. The same goes for the blocks that carry IPv4 addresses in
// IPv6, except nat64, through which a host without IPv4 reaches all of IPv4.
var Blocks = []struct {
	Prefix netip.Prefix
	What   string
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

// Carried returns the IPv4 addresses that an IPv6 address without a zone may lead to. Of
// NAT64 for local use (RFC 8215), known96 tells that the network's own prefix has 96 bits.
// Otherwise that is not known, and each place counts where an IPv4 address can stand.
func Carried(bare netip.Addr, known96 bool) []netip.Addr {
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
		if !known96 {
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
