// Package airssys lets you write a component for the world airssys:core/runtime-host@1.0.0 in Go.
//
// A component is an actor: it keeps its state in a value of yours, is handed one message at a time,
// and starts again from nothing when it trapped (a panic is a trap). A whole one:
//
//	package main
//
//	import "component/airssys"
//
//	type hello struct{ airssys.Defaults }
//
//	func (*hello) HandleMessage(message airssys.Message) ([]byte, error) {
//		return message.Payload, nil
//	}
//
//	func init() { airssys.Export(&hello{}) }
//
//	$ python -m airssys_wasm.sdk.build hello.go -o hello.wasm
//
// The build adds `func main() {}`, which Go asks for and nobody calls, if it is not there.
//
// A function of yours runs until it returns: goroutines go on only while one of them does. What Go's
// runtime asks of WASI is answered inside the component: clock and sleep by host-services, standard
// output and error by the log, files and environment by nothing. Random numbers are seeded from the
// clock: they are no secrets. Go 1.24 or newer, GOOS=wasip1 GOARCH=wasm, -buildmode=c-shared.
//
// Source of the layouts: Component Model, "CanonicalABI.md".
package airssys

import (
	"errors"
	"unsafe"
)

// ---- Values -------------------------------------------------------------------------------------

// ID says who is addressed. An actor that is named plainly has only a name: see Named.
type ID struct{ Namespace, Name, Instance string }

// Named is the actor of that plain name, such as "ledger".
func Named(name string) ID { return ID{Name: name} }

// Time since 1970-01-01 00:00 UTC.
type Time struct {
	Seconds     uint64
	Nanoseconds uint32
}

// Message is one message. All of it is set by the host: no sender can pretend to be another.
type Message struct {
	Sender        ID
	Payload       []byte
	CorrelationID *string // of a request, or of the answer to one
	ReplyTo       *ID
	Timestamp     Time    // of the delivery
	ContentType   *string // application/vnd.airssys.error+json in a callback: the request failed
}

// Config is what the tree file says about this component.
type Config struct {
	EnvVars            map[string]string
	Data               []byte // `config:` of the tree file, as JSON; nil if there is none
	MaxMemoryBytes     uint64
	MaxExecutionTimeMs uint64
	MaxFuel            *uint64 // for one message
}

// Metadata is what a component says of itself.
type Metadata struct {
	Name, Version, Description, Author, License string
	SupportedOperations                         []string
	Stateful                                    bool
}

// Health of a component, as it sees itself.
type Health uint32

const (
	Healthy Health = iota
	Degraded
	Unhealthy
	Unknown
)

// ---- What you write -----------------------------------------------------------------------------

// Component is what you write. Embed Defaults and write the methods that you need.
//
// An error of HandleMessage is the failed reply and no crash, one of Initialize a failed start.
type Component interface {
	Initialize(Config) error               // the first call
	HandleMessage(Message) ([]byte, error) // the reply; nil is none
	HandleCallback(Message) error          // the answer to a request, by its correlation id
	Metadata() Metadata
	Health() Health
	Shutdown() error // the last call, on an orderly stop only
}

// Defaults has every method of a Component: nothing to do, no reply, healthy.
type Defaults struct{}

func (*Defaults) Initialize(Config) error               { return nil }
func (*Defaults) HandleMessage(Message) ([]byte, error) { return nil, nil }
func (*Defaults) HandleCallback(Message) error          { return nil }
func (*Defaults) Metadata() Metadata                    { return Metadata{} }
func (*Defaults) Health() Health                        { return Healthy }
func (*Defaults) Shutdown() error                       { return nil }

var component Component

// Export makes `it` what this WebAssembly component runs. Call it in an init function.
func Export(it Component) { component = it }

// ---- host-messaging -----------------------------------------------------------------------------

var messagingErrors = []string{
	"delivery-failed", "correlation-timeout", "invalid-message", "queue-full", "target-not-found",
}

//go:wasmimport airssys:core/host-messaging@1.0.0 send
func rawSend(a ptr, al uint32, b ptr, bl uint32, c ptr, cl uint32, data ptr, length uint32, to ptr)

//go:wasmimport airssys:core/host-messaging@1.0.0 request
func rawRequest(a ptr, al uint32, b ptr, bl uint32, c ptr, cl uint32, data ptr, length uint32, timeout uint64, to ptr)

//go:wasmimport airssys:core/host-messaging@1.0.0 cancel-request
func rawCancel(id ptr, length uint32, to ptr)

//go:wasmimport airssys:core/host-messaging@1.0.0 broadcast
func rawBroadcast(ids ptr, count uint32, data ptr, length uint32, to ptr)

//go:wasmimport airssys:core/host-messaging@1.0.0 self-id
func rawSelf(to ptr)

func messagingOutcome() error {
	if out[0]&0xff == 0 {
		return nil
	}
	if out[1]&0xff == 4 {
		return errors.New("target-not-found: " + idAt(2).Name)
	}
	return failure(messagingErrors, 3)
}

// Send delivers and forgets.
func Send(target ID, payload []byte) error {
	rawSend(text(target.Namespace), size(target.Namespace), text(target.Name), size(target.Name),
		text(target.Instance), size(target.Instance), data(payload), uint32(len(payload)), result())
	return messagingOutcome()
}

// Request asks, and gives the correlation id. Exactly one HandleCallback with it follows, unless
// the request is cancelled.
func Request(target ID, payload []byte, timeoutMs uint64) (string, error) {
	rawRequest(text(target.Namespace), size(target.Namespace), text(target.Name), size(target.Name),
		text(target.Instance), size(target.Instance), data(payload), uint32(len(payload)), timeoutMs, result())
	if err := messagingOutcome(); err != nil {
		return "", err
	}
	return stringAt(1), nil
}

// CancelRequest takes a request of this component back.
func CancelRequest(correlationID string) error {
	rawCancel(text(correlationID), size(correlationID), result())
	return messagingOutcome()
}

// Broadcast sends to all of them or to none.
func Broadcast(targets []ID, payload []byte) error {
	words := make([]uint32, 0, 6*len(targets)+1) // never empty: it has an address
	for i := range targets {
		for _, part := range []string{targets[i].Namespace, targets[i].Name, targets[i].Instance} {
			words = append(words, uint32(uintptr(text(part))), size(part))
		}
	}
	rawBroadcast(ptr(unsafe.SliceData(words)), uint32(len(targets)), data(payload), uint32(len(payload)), result())
	return messagingOutcome()
}

// Self is the id of this component.
func Self() ID {
	rawSelf(result())
	return idAt(0)
}

// ---- host-services ------------------------------------------------------------------------------

// Level of a log record.
type Level uint32

const (
	Trace Level = iota
	Debug
	Info
	Warn
	Error
)

//go:wasmimport airssys:core/host-services@1.0.0 log
func rawLog(level uint32, t ptr, length uint32, present uint32, pairs ptr, count uint32)

//go:wasmimport airssys:core/host-services@1.0.0 current-time
func rawTime(to ptr)

//go:wasmimport airssys:core/host-services@1.0.0 current-time-millis
func rawMillis() uint64

//go:wasmimport airssys:core/host-services@1.0.0 sleep-millis
func rawSleep(duration uint64)

//go:wasmimport airssys:core/host-services@1.0.0 list-components
func rawComponents(to ptr)

//go:wasmimport airssys:core/host-services@1.0.0 get-component-metadata
func rawMetadata(a ptr, al uint32, b ptr, bl uint32, c ptr, cl uint32, to ptr)

// Log writes one record; `context` are keys and values in turn, its fields.
func Log(level Level, message string, context ...string) {
	words := make([]uint32, 0, 2*len(context)+1)
	for _, part := range context[:len(context)&^1] {
		words = append(words, uint32(uintptr(text(part))), size(part))
	}
	present := uint32(0)
	if len(words) > 0 {
		present = 1
	}
	rawLog(uint32(level), text(message), size(message), present, ptr(unsafe.SliceData(words)), uint32(len(words)/4))
}

// CurrentTime by the host's clock.
func CurrentTime() Time {
	rawTime(result())
	return Time{uint64(out[0]) | uint64(out[1])<<32, out[2]}
}

// CurrentTimeMillis since 1970-01-01 00:00 UTC.
func CurrentTimeMillis() uint64 { return rawMillis() }

// SleepMillis waits; other actors run meanwhile.
func SleepMillis(duration uint64) { rawSleep(duration) }

// ListComponents gives those that the grants of this component reach.
func ListComponents() []ID {
	rawComponents(result())
	at, count := uintptr(out[0]), int(out[1])
	ids := make([]ID, 0, count)
	for i := 0; i < count; i++ {
		words := unsafe.Slice((*uint32)(ptr(at+uintptr(24*i))), 6)
		ids = append(ids, ID{takeString(words[0], words[1]), takeString(words[2], words[3]), takeString(words[4], words[5])})
	}
	delete(live, at)
	return ids
}

// ComponentInfo is what is known of another component.
type ComponentInfo struct {
	ID                    ID
	Name, Version, Health string
}

var componentErrors = []string{
	"initialization-failed", "already-initialized", "not-initialized", "shutdown-failed", "invalid-state",
}

// ComponentMetadata asks what is known of `id`.
func ComponentMetadata(id ID) (ComponentInfo, error) {
	rawMetadata(text(id.Namespace), size(id.Namespace), text(id.Name), size(id.Name), text(id.Instance), size(id.Instance), result())
	if out[0]&0xff != 0 {
		return ComponentInfo{}, failure(componentErrors, 1, 2)
	}
	return ComponentInfo{idAt(1), stringAt(7), stringAt(9), stringAt(11)}, nil
}

// ---- storage ------------------------------------------------------------------------------------

var storageErrors = []string{"not-found", "already-exists", "quota-exceeded", "invalid-key", "io-error"}

//go:wasmimport airssys:core/storage@1.0.0 get
func rawGet(key ptr, length uint32, to ptr)

//go:wasmimport airssys:core/storage@1.0.0 set
func rawSet(key ptr, length uint32, value ptr, size uint32, to ptr)

//go:wasmimport airssys:core/storage@1.0.0 delete
func rawDelete(key ptr, length uint32, to ptr)

//go:wasmimport airssys:core/storage@1.0.0 exists
func rawExists(key ptr, length uint32, to ptr)

//go:wasmimport airssys:core/storage@1.0.0 list-keys
func rawKeys(present uint32, prefix ptr, length uint32, to ptr)

//go:wasmimport airssys:core/storage@1.0.0 usage
func rawUsage(to ptr)

// StorageGet gives the value, or nil for a key that is not there.
func StorageGet(key string) ([]byte, error) {
	rawGet(text(key), size(key), result())
	if out[0]&0xff != 0 {
		return nil, failure(storageErrors, 2)
	}
	if out[1]&0xff == 0 {
		return nil, nil
	}
	return take(out[2], out[3]), nil
}

// StorageSet keeps a value. It survives restarts.
func StorageSet(key string, value []byte) error {
	rawSet(text(key), size(key), data(value), uint32(len(value)), result())
	return storageOutcome()
}

// StorageDelete forgets a key; one that is not there is an error.
func StorageDelete(key string) error {
	rawDelete(text(key), size(key), result())
	return storageOutcome()
}

// StorageExists says whether a key is there.
func StorageExists(key string) (bool, error) {
	rawExists(text(key), size(key), result())
	return out[1]&0xff != 0, storageOutcome()
}

// StorageKeys gives those that begin with `prefix`, in order; all of them for "".
func StorageKeys(prefix string) ([]string, error) {
	rawKeys(1, text(prefix), size(prefix), result())
	if err := storageOutcome(); err != nil {
		return nil, err
	}
	at, count := uintptr(out[1]), int(out[2])
	keys := make([]string, 0, count)
	for i := 0; i < count; i++ {
		words := unsafe.Slice((*uint32)(ptr(at+uintptr(8*i))), 2)
		keys = append(keys, takeString(words[0], words[1]))
	}
	delete(live, at)
	return keys, nil
}

// Usage of the storage of this component, in bytes and keys.
type Usage struct{ UsedBytes, QuotaBytes, KeyCount uint64 }

// StorageUsage asks for it.
func StorageUsage() (Usage, error) {
	rawUsage(result())
	if out[0]&0xff != 0 {
		out[1], out[2], out[3] = out[2], out[3], out[4] // this result is aligned to 8
		return Usage{}, failure(storageErrors, 2)
	}
	wide := func(i int) uint64 { return uint64(out[i]) | uint64(out[i+1])<<32 }
	return Usage{wide(2), wide(4), wide(6)}, nil
}

func storageOutcome() error {
	if out[0]&0xff == 0 {
		return nil
	}
	return failure(storageErrors, 2)
}

// ---- The canonical ABI --------------------------------------------------------------------------

type ptr = unsafe.Pointer

// Where the host writes results: outside of all stacks, which Go may move. Aligned to 8.
var outWords [8]uint64
var out = (*[16]uint32)(ptr(&outWords))

// Blocks that only the host points to. The collector leaves what is in here alone.
var live = map[uintptr][]byte{}

func result() ptr           { outWords = [8]uint64{}; return ptr(&outWords) }
func text(s string) ptr     { return ptr(unsafe.StringData(s)) }
func size(s string) uint32  { return uint32(len(s)) }
func data(b []byte) ptr     { return ptr(unsafe.SliceData(b)) }
func stringAt(i int) string { return takeString(out[i], out[i+1]) }
func idAt(i int) ID         { return ID{stringAt(i), stringAt(i + 2), stringAt(i + 4)} }

func take(at, length uint32) []byte {
	if length == 0 {
		return []byte{} // an empty list may point anywhere
	}
	delete(live, uintptr(at)) // the slice keeps the block from now on
	return unsafe.Slice((*byte)(ptr(uintptr(at))), length)
}

func takeString(at, length uint32) string {
	bytes := take(at, length)
	return unsafe.String(unsafe.SliceData(bytes), len(bytes))
}

// failure reads the error at out[1]; the cases `bare` carry no text.
func failure(kinds []string, bare ...uint32) error {
	kind := out[1] & 0xff
	for _, case_ := range bare {
		if kind == case_ {
			return errors.New(kinds[kind])
		}
	}
	return errors.New(kinds[kind] + ": " + stringAt(2))
}

//go:wasmexport cabi_realloc
func cabiRealloc(old, oldSize, align, newSize uint32) uint32 {
	if newSize == 0 {
		return align
	}
	block := make([]byte, newSize+8)
	at := (uintptr(data(block)) + 7) &^ 7
	if oldSize > 0 {
		copy(unsafe.Slice((*byte)(ptr(at)), newSize), unsafe.Slice((*byte)(ptr(uintptr(old))), oldSize))
		delete(live, uintptr(old))
	}
	live[at] = block
	return uint32(at)
}

// What an export that can fail returns: result, then option or error, then a list.
var outcome [4]uint32

func finish(case_ uint32, reply []byte, present bool, err error) ptr {
	outcome = [4]uint32{}
	if err != nil {
		outcome[0], outcome[1], reply = 1, case_, []byte(err.Error())
	} else if present {
		outcome[1] = 1
	}
	if len(reply) > 0 {
		live[uintptr(data(reply))] = reply
		outcome[2], outcome[3] = uint32(uintptr(data(reply))), uint32(len(reply))
	}
	return ptr(&outcome)
}

type rawMessage struct {
	sender      [6]uint32
	payload     [2]uint32
	correlation [3]uint32
	replyTo     [7]uint32
	seconds     uint64
	nanoseconds uint32
	_           uint32
	contentType [3]uint32
}

func readMessage(at ptr) Message {
	raw := (*rawMessage)(at)
	id := func(words []uint32) ID {
		return ID{takeString(words[0], words[1]), takeString(words[2], words[3]), takeString(words[4], words[5])}
	}
	message := Message{
		Sender:    id(raw.sender[:]),
		Payload:   take(raw.payload[0], raw.payload[1]),
		Timestamp: Time{raw.seconds, raw.nanoseconds},
	}
	if raw.correlation[0]&0xff != 0 {
		value := takeString(raw.correlation[1], raw.correlation[2])
		message.CorrelationID = &value
	}
	if raw.replyTo[0]&0xff != 0 {
		value := id(raw.replyTo[1:])
		message.ReplyTo = &value
	}
	if raw.contentType[0]&0xff != 0 {
		value := takeString(raw.contentType[1], raw.contentType[2])
		message.ContentType = &value
	}
	delete(live, uintptr(at))
	return message
}

//go:wasmexport airssys:core/component-lifecycle@1.0.0#initialize
func initialize(variables, count, present, dataAt, length uint32, memory, time uint64, metered uint32, fuel uint64) ptr {
	config := Config{EnvVars: map[string]string{}, MaxMemoryBytes: memory, MaxExecutionTimeMs: time}
	for i := uintptr(0); i < uintptr(count); i++ {
		words := unsafe.Slice((*uint32)(ptr(uintptr(variables)+16*i)), 4)
		config.EnvVars[takeString(words[0], words[1])] = takeString(words[2], words[3])
	}
	delete(live, uintptr(variables))
	if present != 0 {
		config.Data = take(dataAt, length)
	}
	if metered != 0 {
		config.MaxFuel = &fuel
	}
	if component == nil {
		return finish(0, nil, false, errors.New("no init function calls airssys.Export"))
	}
	return finish(0, nil, false, component.Initialize(config))
}

//go:wasmexport airssys:core/component-lifecycle@1.0.0#handle-message
func handleMessage(message ptr) ptr {
	reply, err := component.HandleMessage(readMessage(message))
	return finish(6, reply, reply != nil, err)
}

//go:wasmexport airssys:core/component-lifecycle@1.0.0#handle-callback
func handleCallback(message ptr) ptr {
	return finish(6, nil, false, component.HandleCallback(readMessage(message)))
}

//go:wasmexport airssys:core/component-lifecycle@1.0.0#health
func health() uint32 { return uint32(component.Health()) }

//go:wasmexport airssys:core/component-lifecycle@1.0.0#shutdown
func shutdown() ptr { return finish(3, nil, false, component.Shutdown()) }

var said struct {
	words      [13]uint32
	texts      Metadata
	operations []uint32
}

//go:wasmexport airssys:core/component-lifecycle@1.0.0#metadata
func metadata() ptr {
	said.texts = component.Metadata()
	it := &said.texts
	for i, part := range []string{it.Name, it.Version, it.Description, it.Author, it.License} {
		said.words[2*i], said.words[2*i+1] = uint32(uintptr(text(part))), size(part)
	}
	said.operations = make([]uint32, 0, 2*len(it.SupportedOperations)+1)
	for _, operation := range it.SupportedOperations {
		said.operations = append(said.operations, uint32(uintptr(text(operation))), size(operation))
	}
	said.words[10], said.words[11] = uint32(uintptr(ptr(unsafe.SliceData(said.operations)))), uint32(len(it.SupportedOperations))
	if said.words[12] = 0; it.Stateful {
		said.words[12] = 1
	}
	return ptr(&said.words)
}

func release() { delete(live, uintptr(outcome[2])) }

//go:wasmexport cabi_post_airssys:core/component-lifecycle@1.0.0#initialize
func afterInitialize(uint32) { release() }

//go:wasmexport cabi_post_airssys:core/component-lifecycle@1.0.0#handle-message
func afterMessage(uint32) { release() }

//go:wasmexport cabi_post_airssys:core/component-lifecycle@1.0.0#handle-callback
func afterCallback(uint32) { release() }

//go:wasmexport cabi_post_airssys:core/component-lifecycle@1.0.0#shutdown
func afterShutdown(uint32) { release() }
