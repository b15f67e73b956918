#!/usr/bin/env python3
"""The tables in tests/it/python_tables: what paho-python 2.2.0 itself answers.

    python3 tests/python_tables.py           says what differs between the tables and PyPI's package; 1 if anything does
    python3 tests/python_tables.py --write   writes the tables anew

The package is fetched with pip into a folder that is removed afterwards. tests/it/python_tables.rs compares the crate
with the tables and needs no Python.
"""

import difflib
import enum
import importlib
import itertools
import pathlib
import random
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import types
import warnings

PACKAGE = "paho-mqtt==2.2.0"
TABLES = pathlib.Path(__file__).parent / "it" / "python_tables"
MODULES = [
    "client", "publish", "subscribe", "properties", "reasoncodes", "subscribeoptions", "enums", "matcher", "packettypes",
]
# What modules have from elsewhere, or only where another package is installed.
OTHERS = ["TYPE_CHECKING", "annotations", "socks"]


def quoted(texts):
    """Texts side by side; none of ours contains a quotation mark."""
    return " ".join(f'"{text}"' for text in texts)


# ---- Names ---------------------------------------------------------------------------------------------------------

def names(paho):
    """Every public name of the modules, and of their classes."""
    instances = {
        "Client": ["suppress_exceptions"],
        "MQTTMessageInfo": ["mid", "rc"],
        "ReasonCode": ["packetType", "value"],
        "SubscribeOptions": ["QoS", "names", "noLocal", "retainAsPublished", "retainHandling"],
        "Properties": ["packetType", "types", "names", "properties"]
        + [name.replace(" ", "") for name in paho("properties").Properties(1).names],
    }
    for module_name in MODULES:
        module = paho(module_name)
        for name, value in sorted(vars(module).items()):
            home = getattr(value, "__module__", None)
            foreign = isinstance(value, types.ModuleType) or name in OTHERS
            foreign = foreign or (isinstance(home, str) and not home.startswith("paho"))
            if name.startswith("_") or foreign:
                continue
            yield module_name, name
            if not isinstance(value, type) or value.__module__ != module.__name__:
                continue
            own = {it for it in vars(value) if not it.startswith("_")}
            if issubclass(value, enum.Enum):
                own = set(value.__members__)
            for attribute in sorted(own | set(instances.get(name, []))):
                yield module_name, f"{name}.{attribute}"


def enums(paho):
    """The members of the enums, with their numbers."""
    module = paho("enums")
    for name in ["MQTTErrorCode", "MQTTProtocolVersion", "CallbackAPIVersion", "LogLevel", "ConnackCode"]:
        for member in getattr(module, name):
            yield name, member.name, member.value
    packets = paho("packettypes").PacketTypes
    for index in packets.indexes:
        yield "PacketTypes", packets.Names[index], index
    options = paho("subscribeoptions").SubscribeOptions
    for name in ["RETAIN_SEND_ON_SUBSCRIBE", "RETAIN_SEND_IF_NEW_SUB", "RETAIN_DO_NOT_SEND"]:
        yield "SubscribeOptions", name, getattr(options, name)


# ---- Topics --------------------------------------------------------------------------------------------------------

LEVELS = ["", "a", "b", "$SYS"]
PATTERNS = ["", "a", "$SYS", "+", "#", "a+"]


def topics(paho):
    """For each filter the topics it matches; the first line has all that were tried."""
    tried = ["/".join(levels) for count in (1, 2, 3) for levels in itertools.product(LEVELS, repeat=count)]
    tried += ["a/b/c/d", "é/à", "a b", "$", "$share/g/a"]
    filters = ["/".join(levels) for count in (1, 2, 3) for levels in itertools.product(PATTERNS, repeat=count)]
    filters += ["a/b/c/d", "+/+/+/+", "a/b/c/#", "+/à", "é/#", "a b", "$/#", "$share/g/a", "a/#/#"]
    yield "*", quoted(tried)
    for sub in filters:
        yield f'"{sub}"', quoted(topic for topic in tried if paho("client").topic_matches_sub(sub, topic))


def routes(paho):
    """The order in which the callbacks of message_callback_add run, however they were registered."""
    filters = [
        "#", "+", "+/#", "+/+", "+/+/#", "+/b", "+/b/c", "+/b/#", "a", "a/#", "a/+", "a/+/#", "a/+/c", "a/b", "a/b/#",
        "a/b/+", "a/b/c", "a//c", "/", "/#", "/+", "b/#", "$SYS/#", "$SYS/+", "$SYS/b",
    ]
    random.Random(2).shuffle(filters)
    matcher = paho("matcher").MQTTMatcher()
    for sub in filters:
        matcher[sub] = sub
    yield "*", quoted(filters)
    for topic in ["a", "b", "a/b", "a/b/c", "a/c", "a/c/d", "a//c", "/", "/a", "//", "x/b", "x/b/c", "$SYS/b", "$SYS", "a/b/c/d"]:
        yield f'"{topic}"', quoted(matcher.iter_match(topic))


# ---- Codes and texts -----------------------------------------------------------------------------------------------

def reason_codes(paho):
    """The name of each reason code in each packet that may have it."""
    packets = paho("packettypes").PacketTypes
    for packet in packets.indexes:
        for value in range(256):
            try:
                code = paho("reasoncodes").ReasonCode(packet, identifier=value)
            except (KeyError, ValueError):
                continue
            yield packets.Names[packet], value, str(code), "failure" if code.is_failure else "success"


def texts(paho):
    """What the functions that explain or convert numbers answer."""
    client = paho("client")
    for number in range(-2, 20):
        yield "error_string", number, client.error_string(number)
    for number in range(-1, 8):
        yield "connack_string", number, client.connack_string(number)
    for number in range(7):
        code = client.convert_connack_rc_to_reason_code(number)
        yield "convert_connack_rc_to_reason_code", number, f"{code.value} {code}"
    for number in client.MQTTErrorCode:
        code = client.convert_disconnect_error_code_to_reason_code(number)
        yield "convert_disconnect_error_code_to_reason_code", number.value, f"{code.value} {code}"


# ---- Values --------------------------------------------------------------------------------------------------------

def payloads(paho):
    """The bytes that publish() makes of a payload, as text."""
    encode = paho("client")._encode_payload
    chance = random.Random(3)
    floats = [0.0, -0.0, 1.0, -1.5, 21.5, 0.1, 0.1 + 0.2, 1e15, 1e16, 123456789012345.6, 1e-4, 1e-5, 1.5e-7, 1e22, 1e23]
    floats += [5e-324, 2.2250738585072014e-308, 1.7976931348623157e308, float("inf"), float("-inf"), float("nan")]
    floats += [round(chance.uniform(-50, 50), digits) for digits in range(6)]
    while len(floats) < 80:
        number = struct.unpack("<d", chance.randbytes(8))[0]
        if number == number:
            floats.append(number)
    for number in floats:
        yield "float", struct.pack(">d", number).hex(), encode(number).decode()
    for number in [0, 7, -7, 2**31, -(2**63), 2**64 - 1, 2**127 - 1]:
        yield "int", number, encode(number).decode()
    for value in [True, False]:
        yield "bool", str(value).lower(), encode(value).decode()
    for text in ["", "a", "21,5 °C", "été"]:
        yield "str", text, encode(text).decode()
    yield "None", "", encode(None).decode()


def properties(paho):
    """Each property, and the packets of a client that may have it."""
    packets = paho("packettypes").PacketTypes
    known = paho("properties").Properties(packets.PUBLISH)
    clients = {
        packets.CONNECT: "Connect", packets.WILLMESSAGE: "Will", packets.PUBLISH: "Publish",
        packets.SUBSCRIBE: "Subscribe", packets.UNSUBSCRIBE: "Unsubscribe", packets.DISCONNECT: "Disconnect",
    }
    for name, number in known.names.items():
        kind, homes = known.properties[number]
        homes = [place for packet, place in clients.items() if packet in homes]
        yield name.replace(" ", ""), number, known.types[kind], " ".join(homes)


def subscribe_options(paho):
    """The byte that stands for the options of a filter in SUBSCRIBE."""
    for qos, no_local, as_published, handling in itertools.product(range(3), (0, 1), (0, 1), range(3)):
        options = paho("subscribeoptions").SubscribeOptions(qos, bool(no_local), bool(as_published), handling)
        yield qos, no_local, as_published, handling, options.pack()[0]


# ---- Arguments -----------------------------------------------------------------------------------------------------

CALLS = """
Client(V2, clean_session=False)
Client(V2, client_id="a", clean_session=False)
Client(V2, clean_session=True, protocol=MQTTv5)
Client(V2, transport="pigeon")
c.connect("", 1883)
c.connect("localhost", 0)
c.connect("localhost", -1)
c.connect("localhost", 1, keepalive=-1)
c.connect("localhost", 1, clean_start=True)
c.connect("localhost", 1, properties=connect_properties)
c.connect_async("localhost", 1)
c.connect_async("", 1)
c.connect_async("localhost", 0)
c.connect_async("localhost", 1, keepalive=-1)
c.connect_async("localhost", 1, keepalive=0)
c.connect_async("localhost", 1, keepalive=65535)
c.reconnect()
c.disconnect()
c.is_connected()
c.loop(0)
c.loop(-1)
c.loop_stop()
twice(c.loop_start)
c.publish("", "x", 0)
c.publish("a/+", "x", 0)
c.publish("a/#", "x", 0)
c.publish("a+b", "x", 0)
c.publish("t" * 65535, "x", 1)
c.publish("t" * 65536, "x", 1)
c.publish("t", "x", -1)
c.publish("t", "x", 3)
c.publish("t", None, 1)
c.publish("t", "x", 0)
c.publish("t", "x", 1)
c.publish("t", "x", 2)
c.publish("$SYS/t", "x", 1)
c.publish("t/", "x", 1)
c.publish("t", "x", 1, properties=publish_properties)
full(c).publish("t", "x", 1)
full(c).publish("t", "x", 0)
c.subscribe("", 0)
c.subscribe("a", 0)
c.subscribe("a", 3)
c.subscribe("a", -1)
c.subscribe("a/#/b", 0)
c.subscribe("a#", 0)
c.subscribe("a+", 0)
c.subscribe("+a/b", 0)
c.subscribe("#", 0)
c.subscribe("+/+/#", 0)
c.subscribe("$share/g/a", 0)
c.subscribe("a" * 65536, 0)
c.subscribe([])
c.subscribe([("a", 0), ("b", 3)])
c.subscribe([("a", 0), ("", 0)])
c.subscribe([("a", 0), ("b", 2)])
c.unsubscribe("")
c.unsubscribe("a")
c.unsubscribe([])
c.unsubscribe(["a", ""])
c.unsubscribe("a/#/b")
c.message_callback_add("", f)
c.message_callback_add("a/#/b", f)
c.message_callback_add("a", f)
c.message_callback_remove("a")
c.will_set("", "x")
c.will_set("t", "x", 3)
c.will_set("t", "x", -1)
c.will_set("t", None, 2, True)
c.will_set("a/#", "x")
c.will_clear()
c.username_pw_set("u", None)
c.username_pw_set("u", "p")
c.username_pw_set("", "p")
c.reconnect_delay_set(1, 120)
c.reconnect_delay_set(0, 0)
c.reconnect_delay_set(2, 1)
c.max_inflight_messages_set(0)
c.max_queued_messages_set(0)
put(c, "keepalive", -1)
put(c, "keepalive", 0)
put(c, "connect_timeout", 0)
put(c, "connect_timeout", -1)
put(c, "connect_timeout", 0.5)
c.user_data_set(None)
c.ack(1, 0)
c.ack(1, 1)
c.ack(1, 2)
Client(V2, manual_ack=True).ack(1, 1)
c.publish("t", "x", 1).wait_for_publish(0)
c.publish("t", "x", 0).wait_for_publish(0)
full(c).publish("t", "x", 1).wait_for_publish(0)
c.publish("t", "x", 1).is_published()
v5.publish("", "x", 1)
v5.publish("t", "x", 1, properties=publish_properties)
v5.connect_async("localhost", 1, properties=connect_properties)
v5.subscribe("a", 0, properties=subscribe_properties)
v5.subscribe("", 0)
v5.subscribe("a", options=SubscribeOptions(qos=1, noLocal=True))
v5.unsubscribe("a", properties=unsubscribe_properties)
""".split("\n")


def arguments(paho):
    """What comes of a call on a client without a connection: an exception, a number other than 0, or "ok"."""
    client, packets = paho("client"), paho("packettypes").PacketTypes

    def twice(call):
        call()
        return call()

    def full(c):
        c.max_queued_messages_set(1)
        c.publish("t", "x", 1)
        return c

    def filled(packet):
        it = client.Properties(packet)
        it.UserProperty = ("name", "value")
        return it

    for call in filter(None, CALLS):
        scope = vars(client) | {
            "V2": client.CallbackAPIVersion.VERSION2,
            "c": client.Client(client.CallbackAPIVersion.VERSION2),
            "v5": client.Client(client.CallbackAPIVersion.VERSION2, protocol=client.MQTTv5),
            "f": lambda *_: None, "put": setattr, "twice": twice, "full": full,
            "connect_properties": filled(packets.CONNECT),
            "publish_properties": filled(packets.PUBLISH),
            "subscribe_properties": filled(packets.SUBSCRIBE),
            "unsubscribe_properties": filled(packets.UNSUBSCRIBE),
        }
        try:
            answer = eval(call, scope)  # our own text, above
        except Exception as error:
            yield call, type(error).__name__
            continue
        if isinstance(answer, tuple):
            answer = answer[0]
        if isinstance(answer, client.MQTTMessageInfo):
            answer = answer.rc
        is_code = isinstance(answer, client.MQTTErrorCode) and answer != 0
        yield call, f"{answer.name}" if is_code else "ok"


# ---- On the wire ---------------------------------------------------------------------------------------------------

ONE_SHOTS = {
    "publish.single qos 0": lambda publish, _, to: publish.single("t/1", "é", **to),
    "publish.single qos 1 retained": lambda publish, _, to: publish.single("t/1", 21.5, 1, True, **to),
    "publish.multiple": lambda publish, _, to: publish.multiple(
        [("t/1", "a", 0, False), ("t/2", b"\xff", 1, False), ("t/3", None, 2, True)], **to),
    "publish.single with everything": lambda publish, _, to: publish.single(
        "t", "x", client_id="one", keepalive=20, will={"topic": "w", "payload": "gone", "qos": 1, "retain": True},
        auth={"username": "info", "password": "Password1234"}, **to),
    "publish.single without a password": lambda publish, _, to: publish.single("t", "x", auth={"username": "info"}, **to),
    "publish.single over MQTT 5": lambda publish, _, to: publish.single("t", "x", 1, protocol=5, **to),
    "subscribe.simple": lambda _, subscribe, to: subscribe.simple("t/#", 1, **to),
    "subscribe.simple of two topics": lambda _, subscribe, to: subscribe.simple(["t/#", "u"], 0, 2, **to),
    "subscribe.simple without retained": lambda _, subscribe, to: subscribe.simple("t/#", retained=False, **to),
    "subscribe.simple of a kept session": lambda _, subscribe, to: subscribe.simple(
        "t/#", 2, client_id="kept", clean_session=False, **to),
    "subscribe.simple over MQTT 5": lambda _, subscribe, to: subscribe.simple("t/#", 1, protocol=5, **to),
}


def serve(listener, heard):
    """A broker for one client: it takes everything, and after SUBSCRIBE sends "kept" as a retained message and "new"."""
    peer, _ = listener.accept()
    peer.settimeout(20)
    stream, version = peer.makefile("rb"), 4
    # 14 is DISCONNECT: what comes after it is the end of the connection, one way or the other.
    while (first := stream.read(1)) and first[0] >> 4 != 14:
        length = stream.read(1)[0]
        assert length < 128, "the packets of ONE_SHOTS are small"
        body = stream.read(length)
        heard.append(first.hex() + f"{length:02x}" + body.hex())
        kind, none = first[0] >> 4, b"\x00" if version == 5 else b""
        if kind == 1:
            version = body[6]
            peer.sendall(b"\x20\x03\x00\x00\x00" if version == 5 else b"\x20\x02\x00\x00")
        elif kind == 3 and first[0] & 6:
            mid = body[2 + body[1]:][:2]
            peer.sendall((b"\x40" if first[0] & 6 == 2 else b"\x50") + b"\x02" + mid)
        elif kind == 6:
            peer.sendall(b"\x70\x02" + body[:2])
        elif kind == 8:
            answer = body[:2] + none + b"\x00"
            peer.sendall(b"\x90" + bytes([len(answer)]) + answer)
            for header, payload in ((0x31, b"kept"), (0x30, b"new")):
                message = b"\x00\x03t/1" + none + payload
                peer.sendall(bytes([header, len(message)]) + message)
    heard.append((first + stream.read(1)).hex())
    peer.close()


def one_shot(paho):
    """The packets that the one-shot helpers send, in hexadecimal."""
    for name, run in ONE_SHOTS.items():
        listener, heard = socket.create_server(("127.0.0.1", 0)), []
        broker = threading.Thread(target=serve, args=(listener, heard))
        broker.start()
        run(paho("publish"), paho("subscribe"), {"hostname": "127.0.0.1", "port": listener.getsockname()[1]})
        broker.join()
        listener.close()
        yield name, " ".join(heard)


# ---- The log -------------------------------------------------------------------------------------------------------

# What the broker answers to each kind of packet, in hexadecimal; MMMM is the packet id of the packet. After SUBACK come
# messages of QoS 0, 1 and 2.
ANSWERS = {
    "3.1.1": {
        "CONNECT": "20020000", "SUBSCRIBE": "9004MMMM0100", "SUBSCRIBE+": "31070003742f316b6f 3a0a000461c3a9620009787a 3406000174000a78",
        "PUBREC": "6202MMMM", "PUBLISH1": "4002MMMM", "PUBLISH2": "5002MMMM", "PUBREL": "7002MMMM", "UNSUBSCRIBE": "b002MMMM",
        "PINGREQ": "d000",
    },
    "5": {
        "CONNECT": "201000000d 21000a 220003 26000161000162",
        "SUBSCRIBE": "9005MMMM000100",
        "SUBSCRIBE+": "31080003742f31006b6f"
        " 3a2f000161000926 0101 020000001e 03000161 08000172 0900036100ff 0b05 2600016b00026976 2600016b000127 787a 31"
        " 3407000174000a0078",
        "PUBREC": "6202MMMM", "PUBLISH1": "4003MMMM10", "PUBLISH2": "5002MMMM", "PUBREL": "7002MMMM", "UNSUBSCRIBE": "b005MMMM000011",
        "PINGREQ": "d000",
    },
    "3.1.1 refused": {"CONNECT": "20020005"},
    "5 refused": {"CONNECT": "2003008700"},
    "5 and the broker leaves": {"CONNECT": "2003000000", "SUBSCRIBE": "e00a98081f0005" + b"later".hex()},
    "5 and leaves with a reason": {"CONNECT": "2003000000"},
    "3.1.1 and pings": {"CONNECT": "20020000", "PINGREQ": "d000"},
}
KINDS = {
    1: "CONNECT", 3: "PUBLISH", 4: "PUBACK", 5: "PUBREC", 6: "PUBREL", 7: "PUBCOMP", 8: "SUBSCRIBE", 10: "UNSUBSCRIBE",
    12: "PINGREQ", 14: "DISCONNECT",
}


def answer(listener, answers, heard):
    """A broker for one client that answers as ANSWERS says."""
    peer, _ = listener.accept()
    peer.settimeout(20)
    stream = peer.makefile("rb")
    while first := stream.read(1):
        body = stream.read(stream.read(1)[0])
        name = KINDS[first[0] >> 4]
        at = 2 + int.from_bytes(body[:2], "big") if name == "PUBLISH" else 0
        if name == "PUBLISH":
            name += str(first[0] >> 1 & 3)
        for key in (name, name + "+"):
            peer.sendall(bytes.fromhex(answers.get(key, "").replace("MMMM", body[at:at + 2].hex())))
        heard.append(name)
    peer.close()


def log(paho):
    """What the broker sends in each scene, and the lines of on_log about packets."""
    client_module, packets = paho("client"), paho("packettypes").PacketTypes

    def filled(packet, **values):
        it = client_module.Properties(packet)
        for name, value in values.items():
            setattr(it, name, value)
        return it

    for scene, answers in ANSWERS.items():
        v5 = scene.startswith("5")
        listener, heard, lines = socket.create_server(("127.0.0.1", 0)), [], []
        broker = threading.Thread(target=answer, args=(listener, answers, heard))
        broker.start()
        protocol = client_module.MQTTv5 if v5 else client_module.MQTTv311
        client = client_module.Client(
            client_module.CallbackAPIVersion.VERSION2, client_id="client-1", protocol=protocol, reconnect_on_failure=False)
        client.on_log = lambda _client, _userdata, level, text: lines.append(text) if level == 16 else None
        port = listener.getsockname()[1]

        def until(done):
            while not done():
                client.loop(0.05)

        def logged(text):
            return lambda: any(text in line for line in lines)

        if scene in ("3.1.1", "5"):
            client.username_pw_set("info", "Password1234")
            client.will_set("w", "gone", 1, True)
            options = {"properties": filled(packets.CONNECT, SessionExpiryInterval=60, UserProperty=("a", "b"))} if v5 else {}
            client.connect("127.0.0.1", port, 30, **options)
            until(logged("Received CONNACK"))
            Options = client_module.SubscribeOptions
            if v5:
                client.subscribe(
                    [("a/#", Options(1, noLocal=True, retainHandling=2)), ("\u00e9", Options(0, retainAsPublished=True))],
                    properties=filled(packets.SUBSCRIBE, SubscriptionIdentifier=5))
            else:
                client.subscribe([("a/#", 1), ("\u00e9", 0)])
            until(logged("Sending PUBCOMP"))
            client.publish("t", None, 0)
            until(lambda: "PUBLISH0" in heard)
            options = {}
            if v5:
                options["properties"] = filled(
                    packets.PUBLISH, MessageExpiryInterval=30, ResponseTopic="r", CorrelationData=b"a\x00\xff",
                    ContentType="text", PayloadFormatIndicator=1, UserProperty=[("k", "it's"), ("k", "2")])
            client.publish("t/\u00e9", "21.5", 1, True, **options)
            until(logged("Received PUBACK"))
            client.publish("t", "xyz", 2)
            until(logged("Received PUBCOMP"))
            client.unsubscribe(
                ["a/#", "\u00e9"], **({"properties": filled(packets.UNSUBSCRIBE, UserProperty=("a", "b"))} if v5 else {}))
            until(logged("Received UNSUBACK"))
            client.disconnect()
        else:
            client.connect("127.0.0.1", port, 1 if "pings" in scene else 60)
            until(logged("Received CONNACK"))
            if "broker leaves" in scene:
                client.subscribe("t", 0)
                until(logged("Received DISCONNECT"))
            elif "pings" in scene:
                until(logged("Received PINGRESP"))
                client.disconnect()
            elif "leaves" in scene:
                client.disconnect(
                    client_module.ReasonCode(packets.DISCONNECT, "Disconnect with will message"),
                    filled(packets.DISCONNECT, ReasonString="bye"))
        for _ in range(3):
            client.loop(0.05)
        if client.socket():
            client.socket().close()
        broker.join()
        listener.close()
        for name, bytes_ in answers.items():
            yield scene, f"to {name}", bytes_.replace(" ", "")
        for text in lines:
            yield scene, "line", text


# ---- The files -----------------------------------------------------------------------------------------------------

def tables(paho):
    for make in [
        names, enums, topics, routes, reason_codes, texts, payloads, properties, subscribe_options, arguments,
        one_shot, log,
    ]:
        lines = ["\t".join(str(cell) for cell in row) for row in make(paho)]
        about = " ".join(make.__doc__.split())
        yield f"{make.__name__}.tsv", f"# {PACKAGE}: {about}\n" + "\n".join(lines) + "\n"


def main():
    write = sys.argv[1:] == ["--write"]
    if sys.argv[1:] and not write:
        sys.exit(__doc__)
    with tempfile.TemporaryDirectory() as folder:
        install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", folder, PACKAGE]
        subprocess.run(install, check=True)
        sys.path.insert(0, folder)
        warnings.simplefilter("ignore")
        # A client whose constructor has raised cannot be destroyed in order.
        sys.unraisablehook = lambda _: None
        made = dict(tables(lambda name: importlib.import_module(f"paho.mqtt.{name}")))
    differs = False
    for name in sorted(set(made) | {path.name for path in TABLES.glob("*.tsv")}):
        path = TABLES / name
        before = path.read_text(encoding="utf-8") if path.exists() else ""
        after = made.get(name, "")
        if write:
            path.write_text(after, encoding="utf-8") if after else path.unlink()
        if before != after:
            differs = True
            lines = difflib.unified_diff(before.splitlines(), after.splitlines(), f"{name} here", f"{name} of {PACKAGE}", lineterm="")
            print("\n".join(lines))
    if differs and not write:
        sys.exit("the tables differ from the package: python3 tests/python_tables.py --write")
    print("written" if write else f"the tables are those of {PACKAGE}")


if __name__ == "__main__":
    main()
