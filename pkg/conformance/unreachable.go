package conformance

import (
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"github.com/runhooks/runhooks/internal/addrspace"
)

// unreachable says why the host of a URL is one that not everybody reaches, and is empty
// for any other text. It reads text as browsers do (the URL standard of WHATWG), which
// take a backslash for a slash, ignore white space, and know more ways to write an IPv4
// address than four decimal numbers.
func unreachable(text string) string {
	text = strings.Map(func(r rune) rune {
		switch r {
		case '\t', '\n', '\r':
			return -1
		case '\\':
			return '/'
		}
		return r
	}, strings.TrimFunc(text, func(r rune) bool { return r <= ' ' }))
	scheme, rest, ok := strings.Cut(text, "//")
	if !ok {
		return ""
	}
	switch strings.ToLower(scheme) {
	case "", "http:", "https:", "ws:", "wss:", "ftp:":
	case "file:":
		return "it names a file of the sender's own"
	default:
		return ""
	}
	host := rest
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		host = rest[:i]
	}
	host = host[strings.LastIndexByte(host, '@')+1:]
	if inner, ok := strings.CutPrefix(host, "["); ok {
		inner, _, ok = strings.Cut(inner, "]")
		addr, err := netip.ParseAddr(inner)
		if !ok || err != nil || !addr.Is6() {
			return ""
		}
		return special(addr)
	}
	host, _, _ = strings.Cut(host, ":")
	if plain, err := url.PathUnescape(host); err == nil {
		host = plain
	}
	host = strings.ToLower(strings.Map(narrow, host))
	if host = strings.TrimSuffix(host, "."); host == "" || strings.ContainsAny(host, " <>^|") {
		return ""
	}
	name := host[strings.LastIndexByte(host, '.')+1:]
	if name != "" && name[0]-'0' <= 9 {
		if addr, ok := parseIPv4(host); ok {
			return special(addr)
		}
		return "" // no parser takes it
	}
	if what, ok := localNames[name]; ok && (name != "arpa" || strings.HasSuffix(host, ".home.arpa")) {
		return what
	}
	if name == host {
		return "a name without a dot is known in the sender's own network only"
	}
	return ""
}

// localNames are the top-level domains that every host or network has for itself.
var localNames = map[string]string{
	"localhost":   "localhost is the host that looks it up (RFC 6761)",
	"localdomain": ".localdomain is the host that looks it up",
	"local":       ".local is of the sender's own network (RFC 6762)",
	"internal":    ".internal is of the sender's own network (ICANN)",
	"arpa":        ".home.arpa is of the sender's own network (RFC 8375)",
	"intranet":    ".intranet is of the sender's own network (RFC 6762, appendix G)",
	"private":     ".private is of the sender's own network (RFC 6762, appendix G)",
	"corp":        ".corp is of the sender's own network (RFC 6762, appendix G)",
	"home":        ".home is of the sender's own network (RFC 6762, appendix G)",
	"lan":         ".lan is of the sender's own network (RFC 6762, appendix G)",
}

// special says what an address is that is not public, or leads to one that isn't.
func special(addr netip.Addr) string {
	bare := addr.Unmap().WithZone("")
	for _, a := range append([]netip.Addr{bare}, addrspace.Carried(bare, false)...) {
		if what := addrspace.Special(a); what != "" {
			return a.String() + " is " + what
		}
	}
	return ""
}

// narrow returns a character of a host as it is mapped to ASCII, where it is one that looks
// wide (UTS 46).
func narrow(r rune) rune {
	switch {
	case '！' <= r && r <= '～':
		return r - '！' + '!'
	case r == '。', r == '｡':
		return '.'
	}
	return r
}

// parseIPv4 reads an IPv4 address of one to four numbers, each decimal, octal or
// hexadecimal, of which the last one fills the bytes that are left.
func parseIPv4(host string) (netip.Addr, bool) {
	parts := strings.Split(host, ".")
	if len(parts) > 4 {
		return netip.Addr{}, false
	}
	ip := uint64(0)
	for i, part := range parts {
		base, digits := 10, part
		if strings.HasPrefix(part, "0x") {
			base, digits = 16, part[2:]
		} else if len(part) > 1 && part[0] == '0' {
			base, digits = 8, part[1:]
		}
		if digits == "" && base == 16 {
			digits = "0"
		}
		n, err := strconv.ParseUint(digits, base, 32)
		bits := 8
		if i == len(parts)-1 {
			bits = 8 * (5 - len(parts))
		}
		if err != nil || n >= 1<<bits {
			return netip.Addr{}, false
		}
		ip = ip<<bits | n
	}
	return netip.AddrFrom4([4]byte{byte(ip >> 24), byte(ip >> 16), byte(ip >> 8), byte(ip)}), true
}
