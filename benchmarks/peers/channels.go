// The work of the benchmarks with goroutines and channels, on one processor. Prints CPU
// nanoseconds an operation.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"syscall"
)

var shrink = 1

func size(full int) int {
	return max(1000, full/shrink)
}

func max(a, b int) int {
	if a > b {
		return a
	}
	return b
}

func cpu() int64 {
	var usage syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	return usage.Utime.Nano() + usage.Stime.Nano()
}

func timed(operations int, work func()) float64 {
	runtime.GC()
	before := cpu()
	work()
	return float64(cpu()-before) / float64(operations)
}

func fanIn(producers int) float64 {
	share := size(1000000) / producers
	count := share * producers
	return timed(count, func() {
		mailbox, done := make(chan interface{}, 1024), make(chan bool)
		go func() {
			for i := 0; i < count; i++ {
				<-mailbox
			}
			done <- true
		}()
		for p := 0; p < producers; p++ {
			go func() {
				for i := 0; i < share; i++ {
					mailbox <- i
				}
			}()
		}
		<-done
	})
}

func ring(members int) float64 {
	count := size(500000)
	mailboxes := make([]chan interface{}, members)
	for i := range mailboxes {
		mailboxes[i] = make(chan interface{}, 16)
	}
	done := make(chan bool)
	for i := range mailboxes {
		go func(own, next chan interface{}) {
			for message := range own {
				left := message.(int)
				if left == 0 {
					done <- true
					return
				}
				next <- left - 1
			}
		}(mailboxes[i], mailboxes[(i+1)%members])
	}
	return timed(count, func() {
		mailboxes[0] <- count
		<-done
	})
}

func spawn() float64 {
	count := size(50000)
	stop := make(chan bool)
	cost := timed(count, func() {
		for i := 0; i < count; i++ {
			mailbox := make(chan interface{}, 1)
			go func() {
				select {
				case <-mailbox:
				case <-stop:
				}
			}()
		}
	})
	close(stop)
	return cost
}

func spawnMessageStop() float64 {
	const wave = 500
	waves := max(1, size(100000)/wave)
	return timed(waves*wave, func() {
		done := make(chan bool, wave)
		for w := 0; w < waves; w++ {
			for i := 0; i < wave; i++ {
				mailbox := make(chan interface{}, 1)
				go func() {
					<-mailbox
					done <- true
				}()
				mailbox <- i
			}
			for i := 0; i < wave; i++ {
				<-done
			}
		}
	})
}

type question struct {
	message int
	reply   chan int
}

func request(busy bool) float64 {
	count := size(300000)
	return timed(count, func() {
		mailbox := make(chan interface{}, 16)
		go func() {
			for message := range mailbox {
				if asked, ok := message.(question); ok {
					asked.reply <- asked.message
				}
			}
		}()
		for i := 0; i < count; i++ {
			if busy {
				mailbox <- i
			}
			reply := make(chan int, 1)
			mailbox <- question{i, reply}
			<-reply
		}
		close(mailbox)
	})
}

func publish(subscribers int) float64 {
	rounds := max(1, size(500000)/subscribers)
	return timed(rounds*subscribers, func() {
		done := make(chan bool, subscribers)
		mailboxes := make([]chan interface{}, subscribers)
		for i := range mailboxes {
			mailboxes[i] = make(chan interface{}, 1024)
			go func(own chan interface{}) {
				for i := 0; i < rounds; i++ {
					<-own
				}
				done <- true
			}(mailboxes[i])
		}
		for i := 0; i < rounds; i++ {
			for _, mailbox := range mailboxes {
				mailbox <- i
			}
		}
		for range mailboxes {
			<-done
		}
	})
}

func main() {
	runtime.GOMAXPROCS(1)
	if len(os.Args) > 1 {
		shrink, _ = strconv.Atoi(os.Args[1])
	}
	text, _ := json.Marshal(map[string]float64{
		"one-way":            fanIn(1),
		"fan-in":             fanIn(10),
		"ping-pong":          ring(2),
		"ring":               ring(1000),
		"spawn":              spawn(),
		"spawn-message-stop": spawnMessageStop(),
		"request":            request(false),
		"request-busy":       request(true),
		"publish":            publish(100),
	})
	fmt.Println(string(text))
}
