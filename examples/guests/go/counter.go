// Counts its messages, and knows the number again after a restart.
package main

import "component/airssys"
import "strconv"

type counter struct{ airssys.Defaults }

var count int

func (*counter) Initialize(airssys.Config) error {
	kept, err := airssys.StorageGet("count")
	count, _ = strconv.Atoi(string(kept))
	return err
}

func (*counter) HandleMessage(message airssys.Message) (reply []byte, err error) {
	count++
	text := strconv.Itoa(count)
	if err = airssys.StorageSet("count", []byte(text)); err == nil && string(message.Payload) == "ask" {
		_, err = airssys.Request(airssys.Named("peer"), []byte("hello"), 1000)
		return
	}
	return []byte(text + ":" + string(message.Payload)), err
}

func (*counter) HandleCallback(m airssys.Message) error {
	return airssys.StorageSet("answer", m.Payload)
}

func init() { airssys.Export(&counter{}) }
