package scan

// hashValue gives the hash of a value that was read before. Values that are
// equal have equal hashes, however they are written.
func hashValue(b []byte, i int) uint64 {
	hash, _ := hashFrom(b, i)
	return hash
}

// hashFrom gives the index behind the value, too.
func hashFrom(b []byte, i int) (hash uint64, end int) {
	const array, object, numeric = 1, 2, 3
	switch b[i] {
	case '"':
		end, hash = name(b, i)
		return hash, end
	case '[':
		hash = seed
		n := 0
		for i = space(b, i+1); b[i] != ']'; n++ {
			var item uint64
			item, i = hashFrom(b, i)
			hash = mix(hash, item)
			i = nextItem(b, i)
		}
		return finish(mix(hash, array), n), i + 1
	case '{':
		n := 0
		for i = firstMember(b, i); b[i] != '}'; n++ {
			end, name := name(b, i)
			var value uint64
			value, i = hashFrom(b, memberValue(b, end))
			hash += mix(name, value) // members have no order
			i = nextMember(b, i)
		}
		return finish(mix(hash, object), n), i + 1
	case 't', 'n':
		return uint64(b[i])<<32 | 1, i + len("true")
	case 'f':
		return uint64(b[i])<<32 | 1, i + len("false")
	}
	end = number(b, i)
	d := parseDecimal(b[i:end])
	if d.isZero() {
		return finish(numeric, 0), end
	}
	hash = seed
	for _, c := range d.digits {
		if c != '.' {
			hash = mix(hash, uint64(c))
		}
	}
	if d.negative {
		hash = mix(hash, '-')
	}
	return finish(mix(hash, numeric), int(d.top)), end
}
