package rowtable

import (
	"cmp"
	"strconv"
	"strings"
	"unicode"
)

// FileNames returns a name for the file of each of [Set.Tables]: ROBOT.LIST.csv, with
// texts, crawl- or search- before a name that isn't that of a list, of what of these names
// may be in that of a file. Two that would be the
// same, in whatever case, are told apart by the robot's id, or else by a number.
func (s *Set) FileNames() []string {
	taken := map[string]bool{}
	var names []string
	for _, t := range s.Tables() {
		of := fileName(t.List, "")
		switch t.Kind {
		case list:
			of = cmp.Or(of, "list")
		case text:
			of = strings.TrimSuffix("texts-"+of, "-")
		default:
			of = strings.TrimSuffix(t.Kind+"-"+of, "-")
		}
		robot := fileName(t.RobotName, "robot")
		name := robot + "." + of
		if taken[strings.ToLower(name)] {
			name = robot + "-" + fileName(t.RobotID, "robot") + "." + of
		}
		for first, n := name, 2; taken[strings.ToLower(name)]; n++ {
			name = first + "-" + strconv.Itoa(n)
		}
		taken[strings.ToLower(name)] = true
		names = append(names, name+".csv")
	}
	return names
}

// fileName returns what of a name may be in that of a file on any system, or another
// name where that is nothing.
func fileName(name, otherwise string) string {
	const most = 25 // code points of 4 bytes: file systems take 255 bytes of all three
	var b strings.Builder
	n := 0
	for _, c := range name {
		if n == most {
			break
		}
		if unicode.IsLetter(c) || unicode.IsDigit(c) || c == '_' {
			b.WriteRune(c)
			n++
		} else if b.Len() > 0 && !strings.HasSuffix(b.String(), "-") {
			b.WriteByte('-')
			n++
		}
	}
	if name = strings.TrimSuffix(b.String(), "-"); name == "" {
		return otherwise
	}
	return name
}
