package main

import (
	"net"
	"strings"
	"testing"
	"time"

	"trunkline/api"
	"trunkline/router"
)

// TestMessageToSIPAddress: what a call plan sends to a SIP address goes through the trunk that the configuration names, and is sent when the server took it.
func TestMessageToSIPAddress(t *testing.T) {
	server, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	asked := make(chan string, 100)
	go func() {
		defer close(asked)
		buf := make([]byte, 65536)
		for {
			n, from, err := server.ReadFrom(buf)
			if err != nil {
				return
			}
			request := string(buf[:n])
			head, _, _ := strings.Cut(request, "\r\nDate: ")
			_, fields, _ := strings.Cut(head, "\r\n")
			server.WriteTo([]byte("SIP/2.0 200 OK\r\n"+fields+"\r\nContent-Length: 0\r\n\r\n"), from)
			asked <- request
		}
	}()
	defer server.Close()
	r := newReloadingWith(t, "[sip_trunk.pbx]\nserver = \""+server.LocalAddr().String()+"\"\nfrom = \"sip:gateway@example.org\"\n", "alpha")
	doc := `{"name":"p","priority":1,"rules":[{"criteria":{"kind":["sms"],"called":["+1205*"]},"destination":{"sip":"anna@example.com"}}]}`
	if _, found, err := r.gateway.plans.Publish(t.Context(), router.PlanDocument{Document: []byte(doc)}); err != nil {
		t.Fatal(found, err)
	}
	accepted, err := r.client.Submit(t.Context(), api.SubmitRequest{To: api.Recipients{"+12055550100"}, Text: "Hello Anna"}, "")
	if err != nil {
		t.Fatal(err)
	}
	select {
	case request := <-asked:
		if !strings.HasPrefix(request, "MESSAGE sip:anna@example.com SIP/2.0\r\n") || !strings.HasSuffix(request, "\r\n\r\nHello Anna") {
			t.Errorf("%q", request)
		}
	case <-time.After(2 * time.Minute):
		t.Fatal("the server was not asked")
	}
	for end := time.Now().Add(2 * time.Minute); ; time.Sleep(20 * time.Millisecond) {
		m, err := r.client.Message(t.Context(), accepted.Messages[0].ID)
		if err != nil {
			t.Fatal(err)
		}
		if m.State == "sent" && m.Trunk == "pbx" && m.To == "sip:anna@example.com" {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%+v", m)
		}
	}
}
