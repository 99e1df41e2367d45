// load origin | load visitors JSON: the app and the visitors of the benchmarks, as one program that costs as little as can be, so that the
// machine is there for what is measured. One thread, epoll, no library; its peers are trusted to speak plain HTTP/1.1 with Content-Length.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
)

func main() {
	runtime.LockOSThread()
	debug.SetGCPercent(400)
	switch {
	case len(os.Args) == 2 && os.Args[1] == "origin":
		fail(serveOrigin())
	case len(os.Args) == 3 && os.Args[1] == "visitors":
		var load Load
		fail(json.Unmarshal([]byte(os.Args[2]), &load))
		result, err := run(load)
		fail(err)
		fail(json.NewEncoder(os.Stdout).Encode(result))
	default:
		fmt.Fprintln(os.Stderr, "usage: load origin | load visitors JSON")
		os.Exit(2)
	}
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
