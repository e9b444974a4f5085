%% The work of the benchmarks with Erlang's own processes. Prints CPU nanoseconds an operation.
%% The runtime counts its CPU time in milliseconds, so the sizes are larger than elsewhere.
-module(processes).
-export([main/1]).
-export([init/1, handle_call/3, handle_cast/2, start_child/0]).  % of the supervisor and its child

main([Text]) ->
    logger:set_primary_config(level, none),  % what the supervisor says of restarts
    Shrink = list_to_integer(Text),
    Size = fun(Full) -> max(1000, Full div Shrink) end,
    Costs = [
        {"one-way", fan_in(1, Size(1000000))},
        {"fan-in", fan_in(10, Size(1000000))},
        {"ping-pong", ring(2, Size(500000))},
        {"ring", ring(1000, Size(500000))},
        {"spawn", spawn_only(Size(50000))},
        {"spawn-message-stop", spawn_message_stop(Size(100000))},
        {"request", request(Size(200000), idle)},
        {"request-busy", request(Size(200000), busy)},
        {"publish", publish(100, Size(500000))},
        {"restart-answer", restart_answer(Size(20000))}
    ],
    Members = [io_lib:format("\"~s\": ~.2f", [Name, float(Cost)]) || {Name, Cost} <- Costs],
    io:format("{~s}~n", [lists:join(", ", Members)]),
    halt().

timed(Operations, Work) ->
    erlang:garbage_collect(),
    {Before, _} = erlang:statistics(runtime),
    Work(),
    {After, _} = erlang:statistics(runtime),
    (After - Before) * 1.0e6 / Operations.

fan_in(Producers, Count) ->
    Share = Count div Producers,
    Me = self(),
    timed(Share * Producers, fun() ->
        Sink = spawn(fun() -> sink(Share * Producers, Me) end),
        [spawn(fun() -> produce(Share, Sink) end) || _ <- lists:seq(1, Producers)],
        receive done -> ok end
    end).

sink(0, Me) -> Me ! done;
sink(Left, Me) -> receive _ -> sink(Left - 1, Me) end.

produce(0, _) -> ok;
produce(Left, To) -> To ! Left, produce(Left - 1, To).

ring(Members, Count) ->
    Me = self(),
    First = spawn(fun() -> receive {next, Next} -> player(Next, Me) end end),
    Last = lists:foldl(
        fun(_, Next) -> spawn(fun() -> player(Next, Me) end) end, First, lists:seq(2, Members)),
    First ! {next, Last},
    timed(Count, fun() -> First ! Count, receive done -> ok end end).

player(Next, Me) ->
    receive
        0 -> Me ! done;
        Left -> Next ! (Left - 1), player(Next, Me)
    end.

spawn_only(Count) ->
    timed(Count, fun() -> [spawn(fun() -> receive stop -> ok end end) || _ <- lists:seq(1, Count)] end).

spawn_message_stop(Count) ->
    Me = self(),
    Waves = max(1, Count div 500),
    timed(Waves * 500, fun() -> waves(Waves, Me) end).

waves(0, _) -> ok;
waves(Left, Me) ->
    [spawn(fun() -> receive _ -> Me ! done end end) ! go || _ <- lists:seq(1, 500)],
    await(500),
    waves(Left - 1, Me).

await(0) -> ok;
await(Left) -> receive done -> await(Left - 1) end.

request(Count, Kind) ->
    Server = spawn(fun serve/0),
    timed(Count, fun() -> ask(Count, Server, Kind) end).

serve() ->
    receive
        {From, Reference, Message} -> From ! {Reference, Message}, serve();
        _ -> serve()
    end.

ask(0, _, _) -> ok;
ask(Left, Server, Kind) ->
    case Kind of busy -> Server ! nothing; idle -> ok end,
    Reference = make_ref(),
    Server ! {self(), Reference, Left},
    receive {Reference, _} -> ask(Left - 1, Server, Kind) end.

publish(Subscribers, Count) ->
    Me = self(),
    Rounds = max(1, Count div Subscribers),
    All = [spawn(fun() -> sink(Rounds, Me) end) || _ <- lists:seq(1, Subscribers)],
    timed(Rounds * Subscribers, fun() ->
        [[One ! Round || One <- All] || Round <- lists:seq(1, Rounds)],
        await(Subscribers)
    end).

%% A child of a supervisor is killed until the next one answers, a hundred times under each one.
restart_answer(Count) ->
    process_flag(trap_exit, true),
    Supervisors = max(1, Count div 100),
    timed(Supervisors * 100, fun() -> supervisors(Supervisors) end).

supervisors(0) -> ok;
supervisors(Left) ->
    {ok, Supervisor} = supervisor:start_link(?MODULE, supervisor),
    restarts(100),
    exit(Supervisor, shutdown),
    receive {'EXIT', Supervisor, _} -> ok end,
    supervisors(Left - 1).

restarts(0) -> ok;
restarts(Left) ->
    exit(whereis(child), kill),
    answered(),
    restarts(Left - 1).

answered() ->
    try gen_server:call(child, ping)
    catch exit:_ -> erlang:yield(), answered()
    end.

start_child() -> gen_server:start_link({local, child}, ?MODULE, child, []).

init(supervisor) ->
    Flags = #{strategy => one_for_one, intensity => 1000000, period => 1},
    {ok, {Flags, [#{id => child, start => {?MODULE, start_child, []}}]}};
init(child) -> {ok, none}.

handle_call(Message, _, State) -> {reply, Message, State}.

handle_cast(_, State) -> {noreply, State}.
