package intake

import "io"

// Sniff and ReadLines are open to the tests.
var ReadLines = readLines

func Sniff(r io.Reader) Form { return sniff(&window{r: r}) }
