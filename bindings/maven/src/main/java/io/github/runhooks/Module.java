package io.github.runhooks;

import com.dylibso.chicory.runtime.ImportValues;
import com.dylibso.chicory.runtime.Instance;
import com.dylibso.chicory.wasi.WasiOptions;
import com.dylibso.chicory.wasi.WasiPreview1;
import com.dylibso.chicory.wasm.ChicoryException;
import com.dylibso.chicory.wasm.WasmModule;
import io.github.runhooks.module.Compiled;
import java.util.Deque;
import java.util.concurrent.ConcurrentLinkedDeque;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.Semaphore;
import java.util.function.Supplier;

/**
 * Instances of the module. One does one call at a time, so there are up to as many as processors; further
 * calls wait. One that has failed, or whose memory has grown large, is not used again.
 */
final class Module {
    /** Pages of 64 KB above which an instance is replaced. */
    private static final int KEEP = 1024;

    private static final WasmModule MODULE = Compiled.load();
    private static final Semaphore FREE = new Semaphore(Runtime.getRuntime().availableProcessors());
    private static final Deque<Instance> IDLE = new ConcurrentLinkedDeque<>();

    private Module() {}

    static byte[] call(String function, byte[] options, byte[] payload) {
        FREE.acquireUninterruptibly();
        try {
            try {
                return answer(function, options, payload);
            } catch (StackOverflowError | ChicoryException e) {
                if (!(e instanceof StackOverflowError || e.getCause() instanceof StackOverflowError)) {
                    throw e;
                }
                return onLargeStack(() -> answer(function, options, payload));
            }
        } finally {
            FREE.release();
        }
    }

    private static byte[] answer(String function, byte[] options, byte[] payload) {
        Instance instance = IDLE.pollFirst(); // the one used last
        if (instance == null) {
            instance = start();
        }
        int at = (int) instance.export("buffer").apply(options.length + payload.length)[0];
        instance.memory().write(at, options);
        instance.memory().write(at + options.length, payload);
        long place = instance.export(function).apply(options.length, payload.length)[0];
        byte[] answer = instance.memory().readBytes((int) (place >>> 32), (int) place);
        if (instance.memory().pages() <= KEEP) {
            IDLE.addFirst(instance);
        }
        return answer;
    }

    /** For payloads of up to 1,000 levels, for which the stack of a thread may not do. */
    private static byte[] onLargeStack(Supplier<byte[]> call) {
        FutureTask<byte[]> task = new FutureTask<>(call::get);
        new Thread(null, task, "runhooks", 256 << 20).start();
        try {
            return task.get();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("the thread was interrupted", e);
        } catch (ExecutionException e) {
            throw new IllegalStateException(e.getCause());
        }
    }

    private static Instance start() {
        WasiPreview1 host = WasiPreview1.builder()
                .withOptions(WasiOptions.builder().build())
                .build();
        Instance instance = Instance.builder(MODULE)
                .withImportValues(ImportValues.builder()
                        .addFunction(host.toHostFunctions())
                        .build())
                .withMachineFactory(Compiled::create)
                .build();
        instance.export("_initialize").apply();
        return instance;
    }
}
