// A wait on net/http: a timer, or the end of the request's context.
package main

import (
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"strconv"
	"time"
)

func wait(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	text := r.URL.Query().Get("delay")
	seconds, err := strconv.ParseFloat(text, 64)
	if err != nil || seconds < 0 {
		http.Error(w, "delay", http.StatusBadRequest)
		return
	}
	if seconds > 0 {
		timer := time.NewTimer(time.Duration(seconds * float64(time.Second)))
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-r.Context().Done():
			return
		}
	}
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(w, "{\"delay\":%s,\"elapsed\":%.9f}\n", text, time.Since(start).Seconds())
}

func main() {
	http.HandleFunc("/wait", wait)
	listener, err := net.Listen("tcp", "127.0.0.1:"+os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(http.Serve(listener, nil))
}
