"""The zoo's own tasks and architectures; importing them imports no TensorFlow: see the registry."""

from zoo.registry import Architecture, TaskEntry

TASKS = (
    TaskEntry(
        name="text-generation",
        summary="Write on from a prompt, score and embed texts.",
        command="zoo.text.command",
        verb="generate",
    ),
    TaskEntry(
        name="automatic-speech-recognition",
        summary="Transcribe recordings, whole or as a stream.",
        command="zoo.speech.command",
        verb="transcribe",
    ),
    TaskEntry(
        name="image-to-text",
        summary="Read handwriting: images of lines and pages, and pen strokes.",
        command="zoo.handwriting.command",
        verb="read",
    ),
    TaskEntry(
        name="translation",
        summary="Translate sentences and documents.",
        command="zoo.translation.command",
        verb="translate",
    ),
)

ARCHITECTURES = (
    Architecture(
        name="char_lstm",
        task="text-generation",
        summary="Character language model: embedding, LSTM, GRU or RNN layers, softmax.",
        builder="zoo.text.char_lstm:build",
        config="zoo.text.char_lstm:CharLSTMConfig",
        processor="zoo.text.processor:Characters",
        task_class="zoo.text.generation:TextGeneration",
        inference="zoo.text.inference:make",
        inspection="zoo.text.inspection:CharacterNetwork",
        recipe="zoo.recipes.char_lstm",
        default_weights="shakespeare",
    ),
    Architecture(
        name="ctc_bilstm",
        task="automatic-speech-recognition",
        summary="Whole-utterance recogniser: convolutions, bidirectional LSTM or GRU layers, CTC.",
        builder="zoo.speech.networks:build_bidirectional",
        config="zoo.speech.networks:CTCBiLSTMConfig",
        processor="zoo.speech.processor:Speech",
        task_class="zoo.speech.recognition:SpeechRecognition",
        inference="zoo.speech.inference:NativeCTC",
        inspection="zoo.speech.inspection:SpeechNetwork",
        recipe="zoo.recipes.ctc_speech",
        default_weights="an4",
    ),
    Architecture(
        name="ctc_lstm",
        task="automatic-speech-recognition",
        summary="Streaming recogniser: causal convolutions, LSTM or GRU layers, row convolution, "
        "CTC.",
        builder="zoo.speech.networks:build_causal",
        config="zoo.speech.networks:CTCLSTMConfig",
        processor="zoo.speech.processor:Speech",
        task_class="zoo.speech.recognition:SpeechRecognition",
        inference="zoo.speech.inference:StreamingNativeCTC",
        inspection="zoo.speech.inspection:StreamingSpeechNetwork",
        recipe="zoo.recipes.ctc_speech",
        default_weights="an4",
    ),
    Architecture(
        name="crnn",
        task="image-to-text",
        summary="Recogniser of handwritten lines: convolutions, bidirectional LSTM or GRU layers, "
        "CTC.",
        builder="zoo.handwriting.crnn:build",
        config="zoo.handwriting.crnn:CRNNConfig",
        processor="zoo.handwriting.processor:Lines",
        task_class="zoo.handwriting.reading:LineRecognition",
        inspection="zoo.handwriting.inspection:LineNetwork",
        recipe="zoo.recipes.crnn",
        default_weights="latin",
    ),
    Architecture(
        name="pen_bilstm",
        task="image-to-text",
        summary="Recogniser of pen strokes: strided convolutions, bidirectional LSTM or GRU "
        "layers, CTC.",
        builder="zoo.handwriting.pen_bilstm:build",
        config="zoo.handwriting.pen_bilstm:PenBiLSTMConfig",
        processor="zoo.handwriting.processor:Pen",
        task_class="zoo.handwriting.reading:PenRecognition",
        inspection="zoo.handwriting.inspection:PenNetwork",
        recipe="zoo.recipes.pen_bilstm",
        default_weights="unipen",
    ),
    Architecture(
        name="seq2seq_lstm",
        task="translation",
        summary="Translator: bidirectional LSTM or GRU encoder, attention, decoder, subwords.",
        builder="zoo.translation.seq2seq_lstm:build",
        config="zoo.translation.seq2seq_lstm:Seq2SeqConfig",
        processor="zoo.translation.processor:Subwords",
        task_class="zoo.translation.translation:Translation",
        inference="zoo.translation.inference:KerasTranslator",
        inspection="zoo.translation.inspection:TranslationNetwork",
        recipe="zoo.recipes.seq2seq_lstm",
        default_weights="tatoeba",
    ),
)
