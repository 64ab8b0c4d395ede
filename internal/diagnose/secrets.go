package diagnose

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/url"
	"strings"

	"github.com/runhooks/runhooks/pkg/signature"
)

// A key is one to sign with: that of a secret, or the one that a mistake in handling the secret leads to.
type key struct {
	raw    []byte            // of an HMAC; nil where secret is a key pair's
	secret *signature.Secret // what signs with it as it should; nil where there is none
	about  string            // what the secret is
	wrong  string            // what the mistake is; "" for none
	next   string
}

// keysOf returns the keys of secrets: for each the right one first.
func keysOf(secrets []string) []key {
	var keys []key
	for i, text := range secrets {
		name := "the secret"
		if len(secrets) > 1 {
			name = fmt.Sprintf("secret %d of %d", i+1, len(secrets))
		}
		keys = append(keys, keysOfOne(text, name)...)
	}
	return keys
}

func keysOfOne(given, name string) []key {
	var keys []key
	text := strings.Trim(strings.TrimSpace(given), `"'`+"`")
	if unescaped, err := url.PathUnescape(text); err == nil {
		text = unescaped
	}
	carelessly := ""
	if text != given {
		carelessly = name + ", as it was given, has white space, quotes or percent signs around or in it"
	}
	add := func(raw []byte, wrong, next string) {
		if len(raw) > 0 {
			keys = append(keys, key{raw: raw, wrong: wrong, next: next})
		}
	}
	if secret, err := signature.ParseSecret(text); err == nil {
		k := key{secret: &secret, wrong: carelessly}
		if carelessly != "" {
			k.next = "take the text from whsec_ to its end, and nothing around it"
		}
		encoded, symmetric := strings.CutPrefix(text, "whsec_")
		k.about = name + " is " + secret.String()
		if symmetric {
			k.raw, _ = base64.StdEncoding.DecodeString(encoded) // it was parsed
			k.about = fmt.Sprintf("%s is a whsec_ of %d bytes", name, len(k.raw))
		}
		keys = append(keys, k)
		if !symmetric {
			return keys
		}
	}
	bare := text
	if prefix, rest, ok := strings.Cut(text, "_"); ok && (strings.EqualFold(prefix, "whsec") || prefix == "whsk" || prefix == "whpk") {
		bare = rest
	}
	const decode = "decode the base64 that follows whsec_, and take its bytes as the key"
	if decoded, err := base64.StdEncoding.DecodeString(bare); err == nil && len(keys) == 0 {
		wrong := name + " lacks its prefix whsec_"
		if bare != text {
			wrong = name + " is not one that Standard Webhooks allows"
		}
		add(decoded, wrong, "write it as whsec_ and the base64 of 24 to 64 bytes; runhooks secret makes one")
	}
	if bare != text {
		add([]byte(text), "the key is the text of "+name+", prefix and all, undecoded", decode)
	}
	add([]byte(bare), "the key is the text of "+name+", undecoded", decode)
	add([]byte(text+"\n"), "the key is the text of "+name+" with a line feed after it, undecoded", "remove the line feed, as a file or echo adds one; and "+decode)
	add([]byte(bare+"\n"), "the key is the text of "+name+" with a line feed after it, undecoded", "remove the line feed, as a file or echo adds one; and "+decode)
	decoded, standard := base64.StdEncoding.DecodeString(bare)
	if standard == nil {
		add([]byte(hex.EncodeToString(decoded)), "the key is "+name+" in hexadecimal text", decode)
		add([]byte(strings.ToValidUTF8(string(decoded), "\uFFFD")), "the key is "+name+", decoded and taken for UTF-8 text, which loses bytes", "keep the decoded key as bytes")
	}
	unpadded := strings.TrimRight(bare, "=")
	add([]byte(unpadded), "the key is the text of "+name+" without its padding, undecoded", decode)
	if loose, err := base64.RawURLEncoding.DecodeString(unpadded); err == nil && standard != nil {
		add(loose, name+" is in the URL-safe alphabet of base64, or without its padding", "write it in the standard alphabet, with its padding")
	}
	if decoded, err := hex.DecodeString(bare); err == nil {
		add(decoded, name+" is hexadecimal", "write it as whsec_ and the base64 of its bytes")
	}
	for cut := 1; cut <= 4 && cut < len(unpadded); cut++ {
		for _, part := range []struct{ text, end string }{{unpadded[:len(unpadded)-cut], "last"}, {unpadded[cut:], "first"}} {
			wrong := fmt.Sprintf("the key is %s without its %s %s", name, part.end, characters(cut))
			const next = "copy the secret again, whole, to the other end"
			add([]byte(part.text), wrong+", undecoded", next)
			if loose, err := base64.RawStdEncoding.DecodeString(part.text); err == nil {
				add(loose, wrong, next)
			}
		}
	}
	return keys
}

func characters(n int) string {
	if n == 1 {
		return "character"
	}
	return fmt.Sprintf("%d characters", n)
}
