// A visitor of Go's own HTTP/2: with prior knowledge, or by ALPN. Prints one line of JSON for each path: status, protocol, body length, trailers.
package main

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
)

func main() {
	url, host, paths := os.Args[1], os.Args[2], os.Args[3:]
	protocols := new(http.Protocols)
	protocols.SetHTTP2(true)
	protocols.SetUnencryptedHTTP2(true)
	client := &http.Client{Transport: &http.Transport{
		Protocols:       protocols,
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true, ServerName: host},
	}}
	lines := make([]string, len(paths))
	var all sync.WaitGroup
	for i, path := range paths {
		all.Go(func() {
			body := strings.NewReader(strings.Repeat("x", 1<<20))
			request, _ := http.NewRequest("POST", url+path, io.MultiReader(body))
			request.Host = host
			response, err := client.Do(request)
			if err != nil {
				lines[i] = fmt.Sprintf("%q", err.Error())
				return
			}
			answer, err := io.ReadAll(response.Body)
			if err != nil {
				lines[i] = fmt.Sprintf("%q", err.Error())
				return
			}
			line, _ := json.Marshal([]any{response.StatusCode, response.Proto, len(answer), response.Trailer})
			lines[i] = string(line)
		})
	}
	all.Wait()
	fmt.Println(strings.Join(lines, "\n"))
}
